/** Every two that follow each other in a queue, in this order. */
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
