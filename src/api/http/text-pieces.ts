// Turns the bytes of an output into encoded text, piece by piece.

/** Bytes that are not UTF-8 become U+FFFD. `encode` gets whole characters. */
export async function* textPieces(
  pieces: AsyncIterable<Uint8Array>,
  encode: (text: string) => string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for await (const piece of pieces) {
    const text = decoder.decode(piece, { stream: true });
    if (text !== '') yield encode(text);
  }
  yield encode(decoder.decode());
}

/** What stands between the quotes of a JSON string. */
export function inJsonString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
