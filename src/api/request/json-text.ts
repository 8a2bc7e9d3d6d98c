// Decodes a long JSON text in pieces, so that the event loop is never held up by one.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Span } from './json-scan.js';

/** `\uXXXX` */
const longestEscape = 6;
const backslash = 0x5c;
const nowhere: Span = { start: 0, end: 0 };

/** The text between the quotes of a span. Throws `SyntaxError`, whose words quote the text: they must not be passed on. */
export async function decodeText(bytes: Buffer, span: Span | undefined, pieceBytes: number): Promise<string> {
  const { start, end } = span ?? nowhere;
  let text = '';
  let at = start + 1;
  while (at < end - 1) {
    const to = at + pieceBytes >= end - 1 ? end - 1 : cutBefore(bytes, at, at + pieceBytes);
    text += JSON.parse(`"${bytes.toString('utf8', at, to)}"`);
    at = to;
    await nextTurn();
  }
  return text;
}

/** The last place up to `to` that is neither within an escape nor within a character of several bytes. */
function cutBefore(bytes: Buffer, from: number, to: number): number {
  const mark = bytes.lastIndexOf(backslash, to - 1);
  if (mark > to - longestEscape && startsEscape(bytes, from, mark)) return mark;
  let at = to;
  while (((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return at;
}

/** A backslash that follows an odd number of others is escaped itself. */
function startsEscape(bytes: Buffer, from: number, at: number): boolean {
  let before = at;
  while (before > from && bytes[before - 1] === backslash) before--;
  return (at - before) % 2 === 0;
}
