// Decodes a job's `content` from base64, in pieces, and says where it is malformed.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { JobFailedError } from './errors.js';

/** Base64 as text, or the bytes of that text: a long one never becomes a text of V8. */
export type ContentText = string | Uint8Array;

const prefix = 'targz,';
/** Line breaks are accepted: command line tools wrap base64, and GoStint's decoder skips them too. */
const foreign = /[^A-Za-z0-9+/=\r\n]/;
const lineBreaks = /[\r\n]+/g;
/** Wrapped at any width, a line may also end between two signs of padding. */
const padding = /^=[\r\n]*(?:=[\r\n]*)?$/;
const [comma, equals] = [0x2c, 0x3d];
/** No text ends with so many line breaks. */
const longestEndBytes = 64 * 1024;

export interface DecodeOptions {
  /** How much is decoded before others are served again: far less than a millisecond of work. */
  readonly pieceBytes?: number;
}

/**
 * Decodes the `content` of a job: base64 in the standard alphabet, with or without `targz,` in front. It does not check
 * the archive itself. Given as bytes it is decoded where it stands, so that it is held once: the text is used up.
 *
 * Throws `JobFailedError` `content_not_base64` with the place of the first character that does not belong there,
 * counted from 0 in the text as it was sent.
 */
export async function decodeContent(
  text: ContentText,
  { pieceBytes = 64 * 1024 }: DecodeOptions = {},
): Promise<Uint8Array> {
  const whole =
    typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const decoder = new Decoder(whole, prefixLength(whole), pieceBytes);
  while (decoder.advance()) await nextTurn();
  return decoder.end();
}

/** What is decoded replaces what was read before: four characters become three bytes. */
class Decoder {
  readonly #text: Buffer;
  readonly #start: number;
  readonly #pieceBytes: number;
  #at: number;
  #size = 0;
  /** Characters that belong to the next group of four. */
  #begun = '';
  /** Where the first sign of padding was. */
  #paddedAt: number | undefined;
  #characters = 0;

  constructor(text: Buffer, start: number, pieceBytes: number) {
    this.#text = text;
    this.#start = start;
    this.#pieceBytes = pieceBytes;
    this.#at = start;
  }

  /** Decodes one piece; false at the end. */
  advance(): boolean {
    if (this.#at >= this.#text.length) return false;
    const piece = this.#text.toString('latin1', this.#at, this.#at + this.#pieceBytes);
    const text = this.#begun + withoutLineBreaks(piece);
    const groups = text.slice(0, text.length - (text.length % 4));
    if (!this.#take(groups) || (this.#paddedAt !== undefined && text !== groups))
      throw this.#problemIn(piece);
    this.#characters += text.length - this.#begun.length;
    this.#begun = text.slice(groups.length);
    this.#at += piece.length;
    return true;
  }

  end(): Uint8Array {
    if (this.#begun !== '' || this.#size === 0) throw this.#problemIn('');
    return this.#text.subarray(0, this.#size);
  }

  /** False where they hold anything else: the decoder skips what it does not know, and then returns less. */
  #take(groups: string): boolean {
    if (groups === '') return true;
    if (this.#paddedAt !== undefined || groups.includes('-') || groups.includes('_')) return false;
    const padded = groups.endsWith('==') ? 2 : Number(groups.endsWith('='));
    const bytes = Buffer.from(groups, 'base64');
    if (bytes.length !== (groups.length / 4) * 3 - padded) return false;
    if (padded > 0) this.#paddedAt = this.#text.indexOf(equals, this.#size);
    this.#text.set(bytes, this.#size);
    this.#size += bytes.length;
    return true;
  }

  /** All before this piece is right by itself. */
  #problemIn(piece: string): JobFailedError {
    const from = Math.max(this.#size, this.#start, this.#at - longestEndBytes); // Begun groups stand before the piece.
    const text = this.#text.toString('latin1', from, this.#at + piece.length);
    const found = text.search(foreign);
    if (found >= 0) return refused(`${expected}, got ${describe(text.charAt(found))} at ${from + found}.`);
    const at = this.#paddedAt ?? this.#text.indexOf(equals, this.#size);
    if (this.#paddedAt !== undefined || (at >= 0 && !this.#isEnd(at)))
      return refused(`Expected \`=\` only once or twice at the end of \`content\`, got one at ${at}.`);
    return wrongLength(this.#characters + withoutLineBreaks(piece).length, this.#start);
  }

  /** The first sign of padding is here. */
  #isEnd(at: number): boolean {
    return this.#text.length - at <= longestEndBytes && padding.test(this.#text.toString('latin1', at));
  }
}

function withoutLineBreaks(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(lineBreaks, '') : text;
}

function prefixLength(text: Buffer): number {
  const first = text.indexOf(comma);
  if (first < 0) return 0;
  const second = text.indexOf(comma, first + 1);
  if (second >= 0)
    throw refused(`Expected \`content\` to hold exactly one comma, got a second at ${second}.`);
  if (text.toString('latin1', 0, first + 1) === prefix) return prefix.length;
  throw refused(
    `Expected \`content\` to start with \`targz,\`, got a comma at ${first} after something else.`,
  );
}

const expected = 'Expected `content` to be base64 in the standard alphabet';

/** A byte that is not ASCII is one of several of a character. */
function describe(character: string): string {
  if (character === '-' || character === '_')
    return `\`${character}\`, which belongs to the URL-safe alphabet,`;
  if (character === ' ' || character === '\t') return 'a blank';
  return /[!-~]/.test(character) ? `\`${character}\`` : 'a character outside of it';
}

function wrongLength(length: number, start: number): JobFailedError {
  if (length === 0) return refused('Expected an archive in `content` after `targz,`, got nothing.');
  const whole = `a multiple of 4 characters${start > 0 ? ' after `targz,`' : ''}`;
  return refused(`Expected \`content\` to be base64 of ${whole}, got ${length}: it may have been cut off.`);
}

function refused(message: string): JobFailedError {
  return new JobFailedError('content_refused', 'content_not_base64', message);
}
