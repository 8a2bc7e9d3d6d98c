// Decodes a long JSON text in pieces, so that the event loop is never held up by one, and where it stands.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Span } from '../../job/payload/long-text.js';

/** `\uXXXX` */
const longestEscape = 6;
const backslash = 0x5c;

/**
 * The bytes in UTF-8 of the text between the quotes of a span. They replace it where it stands, since no text becomes longer
 * by being decoded: a body is held once, and never as a text of V8, which takes two bytes a character as soon as one of them
 * needs it. Throws `SyntaxError`, whose words quote the text: they must not be passed on.
 */
export async function decodeText(bytes: Buffer, { start, end }: Span, pieceBytes: number): Promise<Buffer> {
  const stop = end - 1;
  let begun = '';
  let written = start + 1;
  for (let at = start + 1, to = at; at < stop; at = to) {
    to = at + pieceBytes >= stop ? stop : cutBefore(bytes, at, at + pieceBytes);
    const piece = bytes.subarray(at, to);
    if (isPlain(piece)) {
      written += bytes.write(begun, written, 'utf8');
      written += piece.copy(bytes, written);
      begun = '';
    } else {
      const text: string = begun + JSON.parse(`"${piece.toString('utf8')}"`);
      begun = to < stop ? beginningOfPair(text) : '';
      written += bytes.write(text.slice(0, text.length - begun.length), written, 'utf8');
    }
    await nextTurn();
  }
  return bytes.subarray(start + 1, written);
}

const controls = Array.from({ length: 0x20 }, (_, byte) => byte);

/** Neither an escape nor what would have to be one: it needs no parser, which would make texts of it. */
function isPlain(piece: Buffer): boolean {
  return !piece.includes(backslash) && !controls.some((byte) => piece.includes(byte));
}

/** The first half of a surrogate pair whose second half may be the next escape. */
function beginningOfPair(text: string): string {
  return /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
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
