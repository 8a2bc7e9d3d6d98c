// Decodes the records of a POSIX extended header, such as "27 path=a/long/name\n".
import { TarDamaged } from './damaged.js';

/** Those that are used, in order and with repeated keys: the old sparse format needs both. */
export type PaxRecords = readonly (readonly [key: string, value: string])[];

const newline = 10;
const isUsed = /^(?:path|linkpath|size|GNU\.sparse\..*)$/;

/** Throws `TarDamaged`. The values of comments and attributes are skipped: nothing is made of them. */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: [string, string][] = [];
  for (let at = 0; at < buffer.byteLength && buffer[at] !== 0; ) {
    const blank = buffer.indexOf(' ', at);
    if (blank <= at || blank > at + mostDigits) throw malformed();
    const end = at + lengthIn(buffer.toString('latin1', at, blank));
    const equals = buffer.indexOf('=', blank);
    if (end > buffer.byteLength || buffer[end - 1] !== newline || equals < 0 || equals >= end)
      throw malformed();
    const key = equals - blank > longestKey ? '' : buffer.toString('utf8', blank + 1, equals);
    if (isUsed.test(key)) records.push([key, buffer.toString('utf8', equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

const mostDigits = 9;
/** Of those that are used. */
const longestKey = 64;

function lengthIn(digits: string): number {
  if (!/^\d+$/.test(digits)) throw malformed();
  return Number(digits);
}

function malformed(): TarDamaged {
  return new TarDamaged('one of its extended headers is malformed');
}

/** The last value of this key; undefined where there is none, or an empty one, which cancels earlier values. */
export function paxValue(records: PaxRecords, key: string): string | undefined {
  if (records.length === 0) return undefined; // Most headers have none, and there may be 100,000.
  const value = records.findLast(([found]) => found === key)?.[1];
  return value === '' ? undefined : value;
}
