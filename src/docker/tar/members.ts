// Reads the members of a tar archive as a stream, in all formats and with all extensions in use.
import { type ByteReader, padded } from './byte-reader.js';
import { TarCutOff, TarDamaged, TarHeadersTooLong } from './damaged.js';
import { type BlockHeader, blockBytes, decodeHeader, isZero, notTar } from './header.js';
import {
  extend,
  type Headers,
  isExtension,
  isSparse,
  nameOf,
  noExtensions,
  storedBytesOf,
  targetOf,
} from './headers.js';
import { readSparseMap, withHoles } from './sparse.js';

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

/** All members up to the end mark. Throws as `MemberReader` does. */
export async function* readMembers(reader: ByteReader, limits: TarLimits): AsyncGenerator<Member> {
  const members = new MemberReader(reader, limits);
  for (let member = await members.next(); member !== undefined; member = await members.next()) yield member;
}

/**
 * Reads one member after another up to the end mark, which is a block of zeros. Throws `TarDamaged`, `TarHeadersTooLong`, and
 * `TarCutOff` where the end mark is missing.
 */
export class MemberReader {
  readonly #reader: ByteReader;
  readonly #limits: TarLimits;
  /** Where the member before ends. */
  #end = 0;
  #extensions = noExtensions();
  /** An extended header whose bytes come next. */
  #open: BlockHeader | undefined;
  /** Of the headers of the next member that were read. */
  #headerBytes = 0;

  constructor(reader: ByteReader, limits: TarLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  /**
   * The next member, after what is left of the one before; undefined at the end mark. At once where its headers are at hand: an
   * archive may hold 100,000 members that are nothing but headers, and a promise for each would cost more than they.
   */
  next(): Member | undefined | Promise<Member | undefined> {
    for (;;) {
      const bytes = this.#atHand();
      if (bytes === undefined) return this.#wait();
      const found = this.#take(bytes);
      if (found !== 'nothing') return found;
    }
  }

  /** Undefined where they must be waited for. */
  #atHand(): Uint8Array | undefined {
    const left = this.#end - this.#reader.offset;
    if (left > 0 && this.#reader.atHand(left) === undefined) return undefined;
    return this.#reader.atHand(this.#nextBytes);
  }

  get #nextBytes(): number {
    return this.#open === undefined ? blockBytes : padded(this.#open.sizeBytes);
  }

  async #wait(): Promise<Member | undefined> {
    await this.#reader.skipTo(this.#end);
    const isHeader = this.#open === undefined;
    const found = this.#take(
      await (isHeader ? readBlock(this.#reader) : this.#reader.exactly(this.#nextBytes)),
    );
    return await (found === 'nothing' ? this.next() : found);
  }

  /** A header, or the bytes of an extended one. */
  #take(bytes: Uint8Array): Member | undefined | 'nothing' | Promise<Member> {
    this.#headerBytes += bytes.byteLength;
    if (this.#open !== undefined) return this.#closeExtended(this.#open, bytes);
    if (isZero(bytes)) return undefined;
    const header = decodeHeader(bytes);
    if (isExtension(header.type)) return this.#openExtended(header);
    const { records, longName, longTarget } = this.#extensions;
    const found = { header, records, longName, longTarget };
    this.#extensions = noExtensions();
    this.#headerBytes = 0;
    return this.#complete(found);
  }

  #openExtended(header: BlockHeader): 'nothing' {
    if (this.#headerBytes + padded(header.sizeBytes) > this.#limits.headerBytes)
      throw new TarHeadersTooLong();
    this.#open = header;
    return 'nothing';
  }

  #closeExtended({ type, sizeBytes }: BlockHeader, bytes: Uint8Array): 'nothing' {
    this.#open = undefined;
    extend(this.#extensions, type, bytes.subarray(0, sizeBytes));
    return 'nothing';
  }

  /** A volume label is no member. */
  #complete(found: Headers): Member | 'nothing' | Promise<Member> {
    const storedBytes = storedBytesOf(found);
    this.#end = this.#reader.offset + padded(storedBytes);
    if (found.header.type === 'V') return 'nothing';
    if (isSparse(found) && typeOf(found, nameOf(found)) === 'file')
      return this.#completeSparse(found, storedBytes);
    const body = bodyOf(this.#reader, storedBytes);
    return toMember(found, { sizeBytes: storedBytes, holeBytes: 0, end: this.#end, body });
  }

  /** The list of pieces stands between headers and bytes. In the old format its size is not counted. */
  async #completeSparse(found: Headers, storedBytes: number): Promise<Member> {
    const { header, records } = found;
    const largestMapBytes = this.#limits.sparseMapBytes;
    const map = await readSparseMap({ header, records, storedBytes, reader: this.#reader, largestMapBytes });
    if (header.type === 'S') this.#end = this.#reader.offset + padded(storedBytes);
    const sizeBytes = map.wholeBytes;
    const holeBytes = Math.max(sizeBytes - storedBytes, 0);
    return toMember(found, { sizeBytes, holeBytes, end: this.#end, body: withHoles(map, this.#reader) });
  }
}

/** An archive without an end mark may have been cut off; less than one block never was an archive. */
async function readBlock(reader: ByteReader): Promise<Uint8Array> {
  const block = await reader.block().catch((error: unknown) => {
    throw error instanceof TarCutOff && reader.offset < blockBytes ? new TarDamaged(notTar) : error;
  });
  if (block === undefined) throw reader.offset === 0 ? new TarDamaged('it is empty') : new TarCutOff();
  return block;
}

type Stored = Pick<Member, 'sizeBytes' | 'holeBytes' | 'end' | 'body'>;

/**
 * Field by field: where an object is spread and fields are added, V8 of Node 20 makes a hidden class for each, which it collects
 * late. For 50,000 members that was 100 MiB.
 */
function toMember(found: Headers, { sizeBytes, holeBytes, end, body }: Stored): Member {
  const { mode, modifiedAt } = found.header;
  const name = nameOf(found);
  return {
    name,
    type: typeOf(found, name),
    mode,
    sizeBytes,
    holeBytes,
    modifiedAt,
    target: targetOf(found),
    end,
    body,
  };
}

const noBody: AsyncIterable<Uint8Array> = (async function* () {})();

function bodyOf(reader: ByteReader, bytes: number): AsyncIterable<Uint8Array> {
  return bytes === 0 ? noBody : reader.stream(bytes);
}

/** A file whose name ends in a slash is a directory: version 7 has no type for directories. */
function typeOf({ header }: Headers, name: string): MemberType {
  const type = types[header.type] ?? 'unknown';
  return type === 'file' && name.endsWith('/') ? 'directory' : type;
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
