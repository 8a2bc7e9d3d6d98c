// Decodes one header block of a tar archive in any of its formats: version 7, ustar, GNU, star.
import { TarDamaged } from './damaged.js';

export const blockBytes = 512;
export const notTar = 'it contains something that is not tar';

/** The fields of one header block. In names, bytes that are not UTF-8 have become U+FFFD. */
export interface BlockHeader {
  readonly name: string;
  readonly mode: number;
  /** Of the body that follows the header in the archive. */
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** The type flag; `0` for the NUL of old archives. */
  readonly type: string;
  readonly target: string;
  /** The block itself: the old sparse format has more fields. */
  readonly block: Uint8Array;
}

/** Throws `TarDamaged` for a block that is not a header. */
export function decodeHeader(block: Uint8Array): BlockHeader {
  if (!hasItsChecksum(block)) throw new TarDamaged(notTar);
  const prefix = decodePrefix(block);
  const name = decodeText(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: decodeNumber(block, 100, 8) ?? 0,
    sizeBytes: toSize(decodeNumber(block, 124, 12)),
    modifiedAt: new Date((decodeNumber(block, 136, 12) ?? 0) * 1000),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
    target: decodeText(block, 157, 100),
    block,
  };
}

export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

const checksumStart = 148;
const checksumEnd = 156;
const blank = 32;
const zero = 48;

/** The sum counts its own field as blanks. Some old programs added the bytes as signed numbers. */
function hasItsChecksum(block: Uint8Array): boolean {
  const said = decodeNumber(block, checksumStart, 8);
  const { sum, high } = sumOf(block);
  return said === sum || said === sum - 256 * high;
}

/**
 * The checksum of a block, and how many of its bytes are above 127. A plain loop, because an iterator would be ten times slower
 * here and there may be 100,000 headers.
 */
export function sumOf(block: Uint8Array): { sum: number; high: number } {
  let sum = blank * (checksumEnd - checksumStart);
  let high = 0;
  for (let index = 0; index < blockBytes; index++) {
    if (index === checksumStart) index = checksumEnd;
    const byte = block[index] ?? 0;
    sum += byte;
    high += byte >> 7;
  }
  return { sum, high };
}

/** Only ustar headers have a prefix. star uses the same magic plus `tar` at the end, and has a shorter prefix. */
function decodePrefix(block: Uint8Array): string {
  if (!holds(block, 257, 'ustar\0')) return '';
  return decodeText(block, 345, holds(block, 508, 'tar\0') ? 131 : 155);
}

function holds(block: Uint8Array, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (block[start + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** Up to the first NUL. */
export function decodeText(bytes: Uint8Array, start: number, length: number): string {
  const buffer = viewOf(bytes);
  const limit = start + length;
  const end = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, end < 0 ? limit : Math.min(end, limit));
}

/** The same bytes, not a copy. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Octal digits between blanks and NULs, or binary where the first byte says so. Undefined for anything else. */
export function decodeNumber(block: Uint8Array, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if (first === 0x80 || first === 0xff) return decodeBinary(block.subarray(start + 1, start + length), first);
  return decodeOctal(block, start, start + length);
}

/** Digit by digit: there may be 100,000 headers with four numbers each, and texts of them would be many megabytes. */
function decodeOctal(block: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  let value = 0;
  while (at < end && isBlank(block[at])) at++;
  for (; at < end && !isBlank(block[at]); at++) {
    const digit = (block[at] ?? 0) - zero;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === blank || byte === 0;
}

/** The first byte gives the sign: 0xff for negative numbers. */
function decodeBinary(bytes: Uint8Array, first: number): number {
  const isNegative = first === 0xff;
  const value = bytes.reduce((sum, byte) => sum * 256 + (isNegative ? 255 - byte : byte), 0);
  return isNegative ? -value - 1 : value;
}

export function toSize(value: number | undefined): number {
  if (value === undefined || value < 0 || Number.isNaN(value))
    throw new TarDamaged('one of its entries has an invalid size');
  return value;
}
