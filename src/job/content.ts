// Decodes a job's `content` from base64 and says where it is malformed.

import { JobFailedError } from './errors.js';

const prefix = 'targz,';
/** Line breaks are accepted: command line tools wrap base64, and GoStint's decoder skips them too. */
const foreign = /[^A-Za-z0-9+/=\r\n]/;
/** Wrapped at any width, a line may also end between two signs of padding. */
const padding = /=[\r\n]*(?:=[\r\n]*)?$/;

/**
 * Decodes the `content` of a job: base64 in the standard alphabet, with or without `targz,` in front. It does not check
 * the archive itself.
 *
 * Throws `JobFailedError` `content_not_base64` with the place of the first character that does not belong there,
 * counted from 0 in the text as it was sent.
 */
export function decodeContent(text: string): Uint8Array {
  const start = prefixLength(text);
  const body = text.slice(start);
  const bytes = Buffer.from(body, 'base64');
  if (isExact(body, bytes)) return bytes;
  checkAlphabet(body, start);
  checkLength(body, start);
  return bytes;
}

/**
 * Whether the decoder took every character: it skips those that it does not know, and then returns less. A few native
 * passes, where the checks below would hold up everybody else: content may have many megabytes. ASCII alone, because the
 * decoder looks at the low byte of other characters only.
 */
function isExact(body: string, bytes: Buffer): boolean {
  const isAscii = Buffer.byteLength(body) === body.length;
  if (!isAscii || body.length === 0 || body.includes('-') || body.includes('_')) return false;
  const padded = body.endsWith('==') ? 2 : Number(body.endsWith('='));
  return bytes.length === (body.length / 4) * 3 - padded;
}

function prefixLength(text: string): number {
  const comma = text.indexOf(',');
  if (comma < 0) return 0;
  const second = text.indexOf(',', comma + 1);
  if (second >= 0)
    throw refused(`Expected \`content\` to hold exactly one comma, got a second at ${second}.`);
  if (text.startsWith(prefix)) return prefix.length;
  throw refused(
    `Expected \`content\` to start with \`targz,\`, got a comma at ${comma} after something else.`,
  );
}

function checkAlphabet(body: string, start: number): void {
  const at = body.search(foreign);
  if (at >= 0) throw refused(`${expected}, got ${describe(body.charAt(at))} at ${start + at}.`);
  const equals = body.indexOf('=');
  if (equals < 0 || padding.exec(body)?.index === equals) return;
  throw refused(`Expected \`=\` only once or twice at the end of \`content\`, got one at ${start + equals}.`);
}

const expected = 'Expected `content` to be base64 in the standard alphabet';

function describe(character: string): string {
  if (character === '-' || character === '_')
    return `\`${character}\`, which belongs to the URL-safe alphabet,`;
  if (character === ' ' || character === '\t') return 'a blank';
  return /[!-~]/.test(character) ? `\`${character}\`` : 'a character outside of it';
}

function checkLength(body: string, start: number): void {
  const length = body.length - countLineBreaks(body);
  if (length === 0) throw refused('Expected an archive in `content` after `targz,`, got nothing.');
  if (length % 4 === 0) return;
  const whole = `a multiple of 4 characters${start > 0 ? ' after `targz,`' : ''}`;
  throw refused(`Expected \`content\` to be base64 of ${whole}, got ${length}: it may have been cut off.`);
}

/** In a loop: a list of all matches would take many times the memory of the text. */
function countLineBreaks(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === lineFeed || code === carriageReturn) count++;
  }
  return count;
}

const [lineFeed, carriageReturn] = [0x0a, 0x0d];

function refused(message: string): JobFailedError {
  return new JobFailedError('content_refused', 'content_not_base64', message);
}
