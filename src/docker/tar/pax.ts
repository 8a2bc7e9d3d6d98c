// Decodes the records of a POSIX extended header, such as "27 path=a/long/name\n".
import { TarDamaged } from './damaged.js';

/** In order and with repeated keys: the old sparse format needs both. */
export type PaxRecords = readonly (readonly [key: string, value: string])[];

const newline = 10;

/** Throws `TarDamaged`. */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: [string, string][] = [];
  for (let at = 0; at < buffer.byteLength && buffer[at] !== 0; ) {
    const blank = buffer.indexOf(' ', at);
    const digits = buffer.toString('latin1', at, Math.max(blank, at));
    const end = at + (/^\d{1,9}$/.test(digits) ? Number(digits) : 0);
    if (end <= blank + 1 || end > buffer.byteLength || buffer[end - 1] !== newline) throw malformed();
    records.push(toRecord(buffer.toString('utf8', blank + 1, end - 1)));
    at = end;
  }
  return records;
}

function toRecord(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 0) throw malformed();
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function malformed(): TarDamaged {
  return new TarDamaged('one of its extended headers is malformed');
}

/** The last value of this key; undefined where there is none, or an empty one, which cancels earlier values. */
export function paxValue(records: PaxRecords, key: string): string | undefined {
  const value = records.findLast(([found]) => found === key)?.[1];
  return value === '' ? undefined : value;
}
