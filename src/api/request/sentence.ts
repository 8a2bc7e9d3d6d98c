/** A refusal quotes what it refuses; this much is enough to recognize it. */
const longestQuote = 100;
const mostProblems = 5;

/** Matches half of a surrogate pair: no UTF-8 can hold it, so it would be stored as something else. */
const loneSurrogate = /\p{Surrogate}/u;

export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

/** What a value is, as a person would say it; the value itself may be secret and is never shown. */
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

/** Joins what is wrong into one text; a list of thousands would help nobody. */
export function joinProblems(problems: readonly string[]): string {
  const more = problems.length - mostProblems;
  return [...problems.slice(0, mostProblems), ...(more > 0 ? [`There are ${more} more.`] : [])].join(' ');
}
