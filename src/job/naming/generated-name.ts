// Makes the names of jobs that were submitted without one.

/** A label of DNS has 63 characters: this leaves room for what others make of a name. */
export const longestName = 49;

/** The prefix is cut where the whole would be too long. */
export function generatedName(prefix: string, number: number): string {
  const end = `-${number}`;
  return prefix.slice(0, longestName - end.length) + end;
}
