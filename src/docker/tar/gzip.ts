// Unpacks gzip. Node's own reader loses unpacked data when text follows the compressed bytes.
import { crc32, createInflateRaw } from 'node:zlib';
import { TarCutOff, TarDamaged } from './damaged.js';

const chunkBytes = 64 * 1024;
const trailerBytes = 8;

export function isGzip(content: Uint8Array): boolean {
  return content[0] === 0x1f && content[1] === 0x8b;
}

/**
 * The plain bytes of all gzip members in turn, each verified by its checksum. Bytes after the last member are ignored, as
 * gzip does. Throws `TarDamaged`, `TarCutOff`, and the errors of zlib.
 */
export async function* gunzip(content: Uint8Array): AsyncGenerator<Uint8Array> {
  const members = new MemberCount();
  for (let at: number | undefined = 0; at !== undefined; ) {
    const start = bodyStart(content, at);
    if (start === undefined && at === 0) throw new TarDamaged('its compressed bytes are damaged');
    if (start !== undefined) members.add();
    at = start === undefined ? undefined : yield* inflate(content, start, members);
  }
}

/** Of any size. */
const mostMembers = 1000;
/** Of more than those. bgzip, whose members are the smallest in use, makes one of 64 KiB. */
const leastBytes = 4096;

/** A member costs a tenth of a millisecond, and 20 bytes are one: in a large content a million of them would be minutes. */
class MemberCount {
  #members = 0;
  #bytes = 0;

  add(): void {
    if (++this.#members > mostMembers + this.#bytes / leastBytes)
      throw new TarDamaged('it is compressed in too many pieces');
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** Returns where the member ends, after its checksum. */
async function* inflate(
  content: Uint8Array,
  start: number,
  members: MemberCount,
): AsyncGenerator<Uint8Array, number> {
  const inflating = createInflateRaw({ chunkSize: chunkBytes });
  let sum = 0;
  let bytes = 0;
  try {
    inflating.end(content.subarray(start));
    for await (const chunk of inflating) {
      sum = crc32(chunk, sum);
      bytes += chunk.byteLength;
      members.count(chunk.byteLength);
      yield chunk;
    }
  } finally {
    inflating.destroy();
  }
  return checkTrailer(content, start + inflating.bytesWritten, { sum, bytes });
}

function checkTrailer(content: Uint8Array, at: number, found: { sum: number; bytes: number }): number {
  if (at + trailerBytes > content.byteLength) throw new TarCutOff();
  const view = new DataView(content.buffer, content.byteOffset + at, trailerBytes);
  if (view.getUint32(0, true) !== found.sum || view.getUint32(4, true) !== found.bytes % 2 ** 32)
    throw new TarDamaged('its compressed bytes are damaged');
  return at + trailerBytes;
}

const flags = { headerSum: 2, extra: 4, name: 8, comment: 16 } as const;

/** Where the compressed bytes of a member begin; undefined where there is no gzip header. */
function bodyStart(content: Uint8Array, at: number): number | undefined {
  const header = content.subarray(at, at + 10);
  const bits = header[3] ?? 0;
  if (!isGzip(header) || header[2] !== 8 || (bits & 0xe0) !== 0) return undefined;
  let start = at + 10;
  if (bits & flags.extra) start += 2 + (content[start] ?? 0) + (content[start + 1] ?? 0) * 256;
  if (bits & flags.name) start = afterZero(content, start);
  if (bits & flags.comment) start = afterZero(content, start);
  return bits & flags.headerSum ? start + 2 : start;
}

function afterZero(content: Uint8Array, at: number): number {
  const zero = content.indexOf(0, at);
  return zero < 0 ? content.byteLength : zero + 1;
}
