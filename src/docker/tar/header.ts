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

/** The sum counts its own field as blanks. Some old programs added the bytes as signed numbers. */
function hasItsChecksum(block: Uint8Array): boolean {
  const said = decodeNumber(block, checksumStart, 8);
  const { sum, high } = sumOf(block);
  return said === sum || said === sum - 256 * high;
}

/** A plain loop, because an iterator would be ten times slower here and there may be 100,000 headers. */
function sumOf(block: Uint8Array): { sum: number; high: number } {
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
  if (latin1(block, 257, 6) !== 'ustar\0') return '';
  return decodeText(block, 345, latin1(block, 508, 4) === 'tar\0' ? 131 : 155);
}

/** Up to the first NUL. */
export function decodeText(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

function latin1(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.subarray(start, start + length)).toString('latin1');
}

/** Octal digits between blanks and NULs, or binary where the first byte says so. Undefined for anything else. */
export function decodeNumber(block: Uint8Array, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if (first === 0x80 || first === 0xff) return decodeBinary(block.subarray(start + 1, start + length), first);
  const text = latin1(block, start, length).replace(/^[ \0]+|[ \0].*$/gs, '');
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
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
