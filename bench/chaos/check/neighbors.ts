// Pairs each item with the next one of its queue, for the checks of order and overlap.

/** Every two items that follow each other in a queue, after sorting with `compare`. */
export function neighbors<T extends { readonly queue: string }>(
  all: readonly T[],
  compare: (a: T, b: T) => number,
): [before: T, after: T][] {
  const last = new Map<string, T>();
  const pairs: [T, T][] = [];
  for (const each of all.toSorted(compare)) {
    const before = last.get(each.queue);
    if (before !== undefined) pairs.push([before, each]);
    last.set(each.queue, each);
  }
  return pairs;
}
