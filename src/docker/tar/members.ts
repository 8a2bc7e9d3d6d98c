// Reads the members of a tar archive as a stream, in all formats and with all extensions in use.
import { type ByteReader, padded } from './byte-reader.js';
import { TarCutOff, TarDamaged, TarHeadersTooLong } from './damaged.js';
import { type BlockHeader, blockBytes, decodeHeader, decodeText, isZero, notTar, toSize } from './header.js';
import { decodePax, type PaxRecords, paxValue } from './pax.js';
import { readSparseMap, type SparseMap, withHoles } from './sparse.js';

/** One member of an archive with its extended headers applied. Its name and target are not checked. */
export interface Member {
  readonly name: string;
  readonly type: MemberType;
  readonly mode: number;
  /** Of the whole file, including holes. */
  readonly sizeBytes: number;
  /** The part of it that is not stored in the archive. */
  readonly holeBytes: number;
  readonly modifiedAt: Date;
  /** Of a link; empty where there is none. */
  readonly target: string;
  /** Where in the archive it ends, including its padding. */
  readonly end: number;
  /** May be read once, before the next member is requested, or not at all. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type MemberType =
  | 'file'
  | 'directory'
  | 'link'
  | 'hard_link'
  | 'device'
  | 'fifo'
  /** The rest of a file that began in another archive. */
  | 'continuation'
  | 'unknown';

export interface TarLimits {
  /** Of one entry, with all extended headers before it. */
  readonly headerBytes: number;
  /** Of the list of pieces of one sparse file. */
  readonly sparseMapBytes: number;
}

/**
 * All members up to the end mark, which is a block of zeros. Throws `TarDamaged`, `TarHeadersTooLong`, and `TarCutOff`
 * where the end mark is missing.
 */
export async function* readMembers(reader: ByteReader, limits: TarLimits): AsyncGenerator<Member> {
  for (;;) {
    const found = await readHeaders(reader, limits);
    if (found === undefined) return;
    const member = await toMember(found, reader, limits);
    if (member === undefined) continue;
    yield member;
    await reader.skipTo(member.end);
  }
}

/** A header and the extended headers before it. */
interface Headers {
  readonly header: BlockHeader;
  readonly records: PaxRecords;
  readonly longName: string | undefined;
  readonly longTarget: string | undefined;
}

async function readHeaders(reader: ByteReader, { headerBytes }: TarLimits): Promise<Headers | undefined> {
  const start = reader.offset;
  const found = { records: [] as PaxRecords, longName: undefined, longTarget: undefined } as Extensions;
  for (;;) {
    const header = await readHeader(reader);
    if (header === undefined || !isExtension(header.type)) return header && { ...found, header };
    if (reader.offset - start + padded(header.sizeBytes) > headerBytes) throw new TarHeadersTooLong();
    const bytes = await reader.exactly(padded(header.sizeBytes));
    extend(found, header.type, bytes.subarray(0, header.sizeBytes));
  }
}

/** Undefined at the end mark. An archive without one may have been cut off; less than one block never was an archive. */
async function readHeader(reader: ByteReader): Promise<BlockHeader | undefined> {
  const block = await reader.block().catch((error: unknown) => {
    throw error instanceof TarCutOff && reader.offset < blockBytes ? new TarDamaged(notTar) : error;
  });
  if (block === undefined) throw reader.offset === 0 ? new TarDamaged('it is empty') : new TarCutOff();
  return isZero(block) ? undefined : decodeHeader(block);
}

type Extensions = { -readonly [Key in 'records' | 'longName' | 'longTarget']: Headers[Key] };

/** Extended headers of POSIX, of Sun and for a whole archive, and the long names and targets of GNU. */
function isExtension(type: string): boolean {
  return 'xXgLK'.includes(type);
}

/** Headers for a whole archive are ignored: they contain comments, such as the commit in those of `git archive`. */
function extend(found: Extensions, type: string, bytes: Uint8Array): void {
  if (type === 'L') found.longName = decodeText(bytes, 0, bytes.byteLength);
  if (type === 'K') found.longTarget = decodeText(bytes, 0, bytes.byteLength);
  if (type === 'x' || type === 'X') found.records = [...found.records, ...decodePax(bytes)];
}

/** Undefined for a volume label, which is not an entry. */
async function toMember(found: Headers, reader: ByteReader, limits: TarLimits): Promise<Member | undefined> {
  const { header, records } = found;
  const type = typeOf(found);
  const storedBytes = hasBody(header.type) ? sizeOf(found) : 0;
  const end = reader.offset + padded(storedBytes);
  if (header.type === 'V') return await reader.skipTo(end).then(() => undefined);
  const map = type === 'file' ? await readMap(found, { reader, storedBytes, limits }) : undefined;
  return {
    name: nameOf(found),
    type,
    mode: header.mode,
    sizeBytes: map?.wholeBytes ?? storedBytes,
    holeBytes: map === undefined ? 0 : Math.max(map.wholeBytes - storedBytes, 0),
    modifiedAt: header.modifiedAt,
    target: paxValue(records, 'linkpath') ?? found.longTarget ?? header.target,
    end: header.type === 'S' ? reader.offset + padded(storedBytes) : end,
    body: map === undefined ? reader.stream(storedBytes) : withHoles(map, reader),
  };
}

async function readMap(
  { header, records }: Headers,
  { reader, storedBytes, limits }: { reader: ByteReader; storedBytes: number; limits: TarLimits },
): Promise<SparseMap | undefined> {
  const largestMapBytes = limits.sparseMapBytes;
  return await readSparseMap({ header, records, storedBytes, reader, largestMapBytes });
}

/** The header of a sparse file may have a substitute name; the real one is then in the sparse records. */
function nameOf({ header, records, longName }: Headers): string {
  return paxValue(records, 'GNU.sparse.name') ?? paxValue(records, 'path') ?? longName ?? header.name;
}

function sizeOf({ header, records }: Headers): number {
  const said = paxValue(records, 'size');
  if (said === undefined) return header.sizeBytes;
  return toSize(/^\d{1,15}$/.test(said) ? Number(said) : undefined);
}

/** Links, directories and devices have no body, whatever their size field says: GNU tar, Go and Python agree. */
function hasBody(type: string): boolean {
  return !'123456'.includes(type);
}

/** A file whose name ends in a slash is a directory: version 7 has no type for directories. */
function typeOf(found: Headers): MemberType {
  const type = types[found.header.type] ?? 'unknown';
  return type === 'file' && nameOf(found).endsWith('/') ? 'directory' : type;
}

/** `D` is a directory of an incremental backup with a list of its files, which is not needed. */
const types: Readonly<Record<string, MemberType>> = {
  '0': 'file',
  '1': 'hard_link',
  '2': 'link',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  D: 'directory',
  M: 'continuation',
  S: 'file',
};
