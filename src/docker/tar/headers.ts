// What the header of one member says together with the extended headers before it.
import { type BlockHeader, decodeText, toSize } from './header.js';
import { decodePax, type PaxRecords, paxValue } from './pax.js';

/** A header and the extended headers before it. */
export interface Headers {
  readonly header: BlockHeader;
  readonly records: PaxRecords;
  readonly longName: string | undefined;
  readonly longTarget: string | undefined;
}

/** What the extended headers before a header say. */
export type Extensions = { -readonly [Key in 'records' | 'longName' | 'longTarget']: Headers[Key] };

export function noExtensions(): Extensions {
  return { records: [], longName: undefined, longTarget: undefined };
}

/** Extended headers of POSIX, of Sun and for a whole archive, and the long names and targets of GNU. */
export function isExtension(type: string): boolean {
  return 'xXgLK'.includes(type);
}

/** Headers for a whole archive are ignored: they contain comments, such as the commit in those of `git archive`. */
export function extend(found: Extensions, type: string, bytes: Uint8Array): void {
  if (type === 'L') found.longName = decodeText(bytes, 0, bytes.byteLength);
  if (type === 'K') found.longTarget = decodeText(bytes, 0, bytes.byteLength);
  if (type === 'x' || type === 'X') found.records = [...found.records, ...decodePax(bytes)];
}

export function isSparse({ header, records }: Headers): boolean {
  return header.type === 'S' || records.some(([key]) => key.startsWith('GNU.sparse.'));
}

/** The header of a sparse file may have a substitute name; the real one is then in the sparse records. */
export function nameOf({ header, records, longName }: Headers): string {
  return paxValue(records, 'GNU.sparse.name') ?? paxValue(records, 'path') ?? longName ?? header.name;
}

export function targetOf({ header, records, longTarget }: Headers): string {
  return paxValue(records, 'linkpath') ?? longTarget ?? header.target;
}

/** Of the body in the archive. Links, directories and devices have none, whatever they say: GNU tar, Go and Python agree. */
export function storedBytesOf({ header, records }: Headers): number {
  if ('123456'.includes(header.type)) return 0;
  const said = paxValue(records, 'size');
  if (said === undefined) return header.sizeBytes;
  return toSize(/^\d{1,15}$/.test(said) ? Number(said) : undefined);
}
