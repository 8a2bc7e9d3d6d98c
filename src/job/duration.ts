// Parses and prints durations, such as `1h30m`.

const millisecondsPer = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const unitsInOrder = Object.keys(millisecondsPer);
/** One number with its unit; `ms` before `m`, or the `s` would be left over. */
const part = /(\d+(?:\.\d+)?)(ms|d|h|m|s)/gy;

/** Completes "Expected … to be" in error texts. */
export const durationShape = 'a duration such as `500ms`, `15s`, `1h30m` or `2d`';

/**
 * Milliseconds of a duration written as Go writes them, with `d` for 24 hours added: numbers with units, the larger
 * unit first, each once. Undefined for everything else, also for what is not a whole number of milliseconds or has no
 * exact number: a sign, a blank, a number without unit.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  let total = 0;
  let read = 0;
  let rank = -1;
  for (const [whole, amount = '', unit = 's'] of text.matchAll(part)) {
    if (unitsInOrder.indexOf(unit) <= rank) return undefined;
    rank = unitsInOrder.indexOf(unit);
    total += Number(amount) * millisecondsPer[unit as keyof typeof millisecondsPer]; // The pattern knows no others.
    read += whole.length;
  }
  return read > 0 && read === text.length ? wholeOrNothing(total) : undefined;
}

/** Fractions such as 0.1 h are not exact in binary, so a value within a millionth of a whole number counts as that number. */
function wholeOrNothing(value: number): number | undefined {
  const rounded = Math.round(value);
  return Math.abs(value - rounded) < 1e-6 && Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** The shortest text that `parseDuration` reads back, in one unit: "1m" for 60,000. */
export function showDuration(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const fit = units.find(([, unitMs]) => ms > 0 && ms % unitMs === 0);
  return fit === undefined ? `${ms}ms` : `${ms / fit[1]}${fit[0]}`;
}
