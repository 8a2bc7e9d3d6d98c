// Writes and reads JSON with texts of many megabytes as bytes, so that they never become one text of V8.
import { randomBytes } from 'node:crypto';
import { longTextBytes, type Span, textWithout } from '../../job/payload/long-text.js';
import type { Steps } from '../../job/payload/steps.js';
import { parseInSteps } from './exact-json.js';

const [quote, backslash] = [0x22, 0x5c];
/** Of an answer, beside its long texts. Whoever wrote a cubbyhole may have put a million small values into it. */
const mostRestBytes = 1024 * 1024;

/**
 * An object as JSON, in parts. A field that holds bytes is written as the ASCII text that they are: they must need no
 * escapes. They are a part of their own, not a copy.
 */
export function writeJson(fields: object): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    text += `${text === '' && parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`;
    if (value instanceof Uint8Array) {
      parts.push(Buffer.from(`${text}"`), value);
      text = '"';
    } else text += JSON.stringify(value);
  }
  return [...parts, Buffer.from(`${text === '' ? '{' : text}}`)];
}

/** Stands for a long text while the rest is parsed. Random, so that no answer can forge one. */
const mark = `#long:${randomBytes(16).toString('hex')}:`;

/**
 * Parses an answer whose long texts are wanted as bytes (`Uint8Array`); those with escapes stay texts. Throws `SyntaxError`,
 * whose text quotes the answer, and `RangeError` where there is too much beside long texts.
 */
export function* readJson(bytes: Buffer): Steps<unknown> {
  const spans = findLongTexts(bytes);
  const rest = spans.reduce((sum, { start, end }) => sum - (end - start), bytes.length);
  if (rest > mostRestBytes) throw new RangeError(`Expected at most ${mostRestBytes} bytes, got ${rest}.`);
  const parsed = yield* parseInSteps(textWithout(bytes, spans, (index) => `"${mark}${index}"`));
  return withLongTexts(parsed, (index) => {
    const { start, end } = spans[index] ?? { start: 1, end: 1 };
    return bytes.subarray(start + 1, end - 1);
  });
}

/** With their quotes. */
function findLongTexts(bytes: Buffer): Span[] {
  const found: Span[] = [];
  for (let start = bytes.indexOf(quote); start >= 0; ) {
    const end = endOfText(bytes, start);
    const isLong = end - start > longTextBytes && !bytes.subarray(start, end).includes(backslash);
    if (isLong) found.push({ start, end });
    start = bytes.indexOf(quote, end);
  }
  return found;
}

function endOfText(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(quote, start + 1);
  while (at >= 0 && isEscaped(bytes, at)) at = bytes.indexOf(quote, at + 1);
  return at < 0 ? bytes.length : at + 1;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let before = at;
  while (bytes[before - 1] === backslash) before--;
  return (at - before) % 2 === 1;
}

function withLongTexts(value: unknown, textAt: (index: number) => Uint8Array): unknown {
  if (typeof value === 'string')
    return value.startsWith(mark) ? textAt(Number(value.slice(mark.length))) : value;
  if (Array.isArray(value)) return value.map((entry) => withLongTexts(entry, textAt));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withLongTexts(part, textAt)]));
}
