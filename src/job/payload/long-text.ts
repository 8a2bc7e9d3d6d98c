// How long a text must be to stay the bytes that it came in, and how it is taken out of JSON for that.

/** A longer one never becomes a text of V8, which may take twice its bytes and is made in one go. */
export const longTextBytes = 64 * 1024;

/** Where something stands in the bytes: from its first byte to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What is left as text, with a mark in place of each span; the spans are given in their order. */
export function textWithout(
  bytes: Buffer,
  spans: readonly Span[],
  markOf: (index: number) => string,
): string {
  let at = 0;
  const parts = spans.map(({ start, end }, index) => {
    const part = `${bytes.toString('utf8', at, start)}${markOf(index)}`;
    at = end;
    return part;
  });
  return [...parts, bytes.toString('utf8', at)].join('');
}
