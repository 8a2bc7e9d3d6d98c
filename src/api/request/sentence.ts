// Helpers for error sentences: describe a value, quote a text, join problems.

/** A refusal quotes what it refuses; this much is enough to recognize it. */
const longestQuote = 100;
const mostProblems = 5;

/** Half of a surrogate pair has no UTF-8 form: it would be stored as something else. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** The kind of a value in plain words; a value that may be secret is never shown. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'a longer text'; // So the parser leaves them.
  if (typeof value === 'string') return isWellFormed(value) ? 'a text' : 'half of a surrogate pair';
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'object' ? 'an object' : 'a number';
}

export function quote(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}

/** Joins problems into one text, but only the first few: a list of thousands would not help. */
export function joinProblems(problems: readonly string[]): string {
  const more = problems.length > mostProblems ? ['There are more.'] : [];
  return [...problems.slice(0, mostProblems), ...more].join(' ');
}
