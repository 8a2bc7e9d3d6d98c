// Reads sparse files, which are stored without their holes, in all four formats that GNU tar and bsdtar write.
import { type ByteReader, padded } from './byte-reader.js';
import { TarDamaged, TarHeadersTooLong } from './damaged.js';
import { type BlockHeader, blockBytes, decodeNumber, toSize } from './header.js';
import { type PaxRecords, paxValue } from './pax.js';

/** One part of a file that is stored in the archive. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

/** The length of a sparse file and the pieces of it that are stored, one after another. */
export interface SparseMap {
  readonly wholeBytes: number;
  readonly pieces: readonly Piece[];
}

/** The headers of a file, and the reader at the start of its body. */
interface Source {
  readonly header: BlockHeader;
  readonly records: PaxRecords;
  /** Of the body in the archive, including a list of pieces in it. */
  readonly storedBytes: number;
  readonly reader: ByteReader;
  readonly largestMapBytes: number;
}

/**
 * Reads the list of pieces of a sparse file (`isSparse`), also from blocks after its header. Throws
 * `TarDamaged` for a list that does not match its file.
 */
export async function readSparseMap(source: Source): Promise<SparseMap> {
  const mapStart = source.reader.offset;
  const map = source.header.type === 'S' ? await readOldMap(source) : await readPaxMap(source);
  // The size in the header includes the list of format 1.0, but not the extra blocks of the old format.
  const mapBytes = source.header.type === 'S' ? 0 : source.reader.offset - mapStart;
  assertFits(map, source.storedBytes - mapBytes);
  return map;
}

/** Four pieces in the header, and 21 in each extra block after it. */
async function readOldMap({ header, reader, largestMapBytes }: Source): Promise<SparseMap> {
  const pieces = [...readPieces(header.block, 386, 4)];
  let isContinued = header.block[482] !== 0;
  for (let left = largestMapBytes; isContinued; left -= blockBytes) {
    if (left <= 0) throw new TarHeadersTooLong();
    const block = await reader.exactly(blockBytes);
    pieces.push(...readPieces(block, 0, 21));
    isContinued = block[504] !== 0;
  }
  return { wholeBytes: toSize(decodeNumber(header.block, 483, 12)), pieces };
}

function* readPieces(block: Uint8Array, start: number, count: number): Generator<Piece> {
  for (let at = start; at < start + count * 24; at += 24) {
    if (block[at] === 0) return; // The rest of the table is empty.
    yield { offset: toSize(decodeNumber(block, at, 12)), bytes: toSize(decodeNumber(block, at + 12, 12)) };
  }
}

async function readPaxMap(source: Source): Promise<SparseMap> {
  const { records } = source;
  const whole = paxValue(records, 'GNU.sparse.realsize') ?? paxValue(records, 'GNU.sparse.size');
  if (whole === undefined) throw misfit();
  const wholeBytes = toCount(whole);
  if (paxValue(records, 'GNU.sparse.major') === '1') return { wholeBytes, pieces: await readBodyMap(source) };
  const map = paxValue(records, 'GNU.sparse.map');
  const numbers = map === undefined ? repeated(records) : map.split(',');
  return { wholeBytes, pieces: toPieces(numbers.map(toCount)) };
}

/** Format 0.0 has two records for each piece. */
function repeated(records: PaxRecords): string[] {
  return records.flatMap(([key, value]) =>
    key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes' ? [value] : [],
  );
}

/** Format 1.0 has lines at the start of the body: the number of pieces, then two numbers for each, padded to a block. */
async function readBodyMap({ reader, storedBytes, largestMapBytes }: Source): Promise<Piece[]> {
  const numbers: number[] = [];
  let rest = '';
  for (let bytes = blockBytes; ; bytes += blockBytes) {
    if (bytes > largestMapBytes) throw new TarHeadersTooLong();
    if (bytes > padded(storedBytes)) throw misfit();
    const lines = `${rest}${Buffer.from(await reader.exactly(blockBytes)).toString('latin1')}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) numbers.push(toCount(line));
    const [count] = numbers;
    if (count !== undefined && numbers.length > count * 2) return toPieces(numbers.slice(1, count * 2 + 1));
    if (rest.length > mostDigits) throw misfit(); // Or it would be searched through once more for each block.
  }
}

function toPieces(numbers: readonly number[]): Piece[] {
  if (numbers.length % 2 !== 0) throw misfit();
  return numbers.flatMap((offset, index) =>
    index % 2 === 0 ? [{ offset, bytes: numbers[index + 1] ?? 0 }] : [],
  );
}

const mostDigits = 15;

function toCount(text: string): number {
  if (text.length > mostDigits || !/^\d+$/.test(text)) throw misfit();
  return Number(text);
}

/** The pieces must be in order, must not overlap, must end within the file, and must sum up to the stored bytes. */
function assertFits({ wholeBytes, pieces }: SparseMap, storedBytes: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, bytes } of pieces) {
    if (offset < end) throw misfit();
    end = offset + bytes;
    sum += bytes;
  }
  if (end > wholeBytes || sum !== storedBytes) throw misfit();
}

function misfit(): TarDamaged {
  return new TarDamaged('the list of pieces of a sparse file does not match it');
}

const zeros = new Uint8Array(64 * 1024);

/** The whole file, with holes as zeros. */
export async function* withHoles(
  { wholeBytes, pieces }: SparseMap,
  reader: ByteReader,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { offset, bytes } of pieces) {
    yield* zeroBytes(offset - at);
    yield* reader.stream(bytes);
    at = offset + bytes;
  }
  yield* zeroBytes(wholeBytes - at);
}

function* zeroBytes(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= zeros.byteLength) yield zeros.subarray(0, left);
}
