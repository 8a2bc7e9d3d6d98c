// Helpers for error sentences: describe a value, quote a text, join problems.

/** A refusal quotes what it refuses; this much is enough to recognize it. */
const longestQuote = 100;
const mostProblems = 5;

/** Matches half of a surrogate pair: UTF-8 cannot encode it, so it would be stored as something else. */
const loneSurrogate = /\p{Surrogate}/u;

export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

/** The kind of a value in plain words; a value that may be secret is never shown. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return isWellFormed(value) ? 'a text' : 'half of a surrogate pair';
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'object' ? 'an object' : 'a number';
}

export function quote(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}

/** Joins problems into one text, but only the first few: a list of thousands would not help. */
export function joinProblems(problems: readonly string[]): string {
  const more = problems.length - mostProblems;
  return [...problems.slice(0, mostProblems), ...(more > 0 ? [`There are ${more} more.`] : [])].join(' ');
}
