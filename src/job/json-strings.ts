// Finds the strings of a JSON text without parsing it: numbers as they were written stand between them.

/** The pieces of a JSON text, in order: what stands between strings, and the strings with their quotes. */
export function* piecesOfJson(
  text: string,
): Generator<{ readonly piece: string; readonly isString: boolean }> {
  let at = 0;
  for (let open = text.indexOf('"'); open >= 0; open = text.indexOf('"', at)) {
    const end = endOfString(text, open);
    yield { piece: text.slice(at, open), isString: false };
    yield { piece: text.slice(open, end), isString: true };
    at = end;
  }
  yield { piece: text.slice(at), isString: false };
}

/** Long strings are skipped, not walked through: a secret may hold many megabytes. One that is not closed goes to the end. */
function endOfString(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote >= 0 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote < 0 ? text.length : quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}
