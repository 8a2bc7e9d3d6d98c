// Parses and prints sizes in bytes, such as `512Mi`.

const powers = { b: 0, k: 1, m: 2, g: 3, t: 4 } as const;
type Letter = keyof typeof powers;

/** Docker's lower-case letters, or Kubernetes' two letters, which `B` may follow. */
const shape = /^(\d+)(?:\.(\d+))?(?:([bkmgt])|([KMGT])iB?)?$/;

/** Completes "Expected … to be" in error texts. */
export const sizeShape = 'a size in bytes such as `1048576`, `512m`, `512Mi` or `1GiB`';

/**
 * Bytes of a size: a plain number, Docker's `512m` or Kubernetes' `512Mi`, all binary. Undefined for everything else.
 * `512M` and `512MB` are refused because they are ambiguous: binary to Docker, decimal to Kubernetes.
 */
export function parseSize(text: string): number | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction, docker, kubernetes] = match;
  const unit = (docker ?? kubernetes ?? 'b').toLowerCase() as Letter; // The pattern knows no others.
  if (fraction !== undefined && unit === 'b') return undefined;
  const bytes = Number(`${whole}.${fraction ?? '0'}`) * 1024 ** powers[unit];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest text that `parseSize` reads back, in one unit: "1MiB" for 1,048,576. */
export function showSize(bytes: number): string {
  const units = ['GiB', 'MiB', 'KiB'].map((unit, index) => [unit, 1024 ** (3 - index)] as const);
  const fit = units.find(([, unitBytes]) => bytes > 0 && bytes % unitBytes === 0);
  return fit === undefined ? `${bytes}` : `${bytes / fit[1]}${fit[0]}`;
}
