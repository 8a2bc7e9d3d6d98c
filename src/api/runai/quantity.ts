// Reads amounts of memory as Kubernetes writes them, such as `500M` or `2Gi`.

const decimal = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 } as const;
const binary = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 } as const;
/** Not in the grammar, but in the samples of Run:AI's own page. */
const written = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;
const factors: Readonly<Record<string, number>> = { '': 1, m: 1e-3, ...decimal, ...binary, ...written };

const shape = /^\+?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,2})|([a-zA-Z]{0,2}))$/;
const longest = 64;

/** Completes "must be …". */
export const quantityShape = 'an amount of memory such as `500M`, `2Gi` or `3GB`';

/**
 * Bytes, rounded up to whole ones as in Kubernetes. Undefined for what is no such amount, or has no exact number.
 * `M` is decimal here and `Mi` binary; Docker's lower-case letters mean something else and are refused.
 */
export function parseQuantity(text: string): number | undefined {
  const match = text.length > longest ? null : shape.exec(text);
  if (match === null) return undefined;
  const [, number = '', exponent, suffix = ''] = match;
  const factor = exponent === undefined ? factorOf(suffix) : 10 ** Number(exponent);
  const bytes = factor === undefined ? Number.NaN : whole(Number(number) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function factorOf(suffix: string): number | undefined {
  return Object.hasOwn(factors, suffix) ? factors[suffix] : undefined;
}

/** What is a hair's breadth from a whole number is that number: `0.1G` is not exact in binary. */
function whole(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value - rounded) < 1e-6 ? rounded : Math.ceil(value);
}
