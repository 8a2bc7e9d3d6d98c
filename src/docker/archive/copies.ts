// Yields the hard links of an archive as files: copies of what they link to.
import { ByteReader } from '../tar/byte-reader.js';
import { type Member, readMembers } from '../tar/members.js';
import type { ArchiveEntry } from './entry.js';
import type { ArchiveMeter } from './meter.js';
import { plainBytes } from './plain-bytes.js';
import type { ArchiveRules } from './rules.js';
import type { ArchiveTree } from './tree.js';

/** One archive that is being read, and what is known of it so far. */
export interface Reading {
  readonly content: Uint8Array;
  readonly rules: ArchiveRules;
  readonly meter: ArchiveMeter;
  readonly tree: ArchiveTree;
  /** Whether the entry at this path is to be yielded. */
  readonly isWanted: (path: string) => boolean;
}

/**
 * Yields for each hard link a file with the bytes, mode and time of its target. Reads the archive a second time for that,
 * if there are hard links at all. Keeps at most one file of `keptBytes` in memory; for a larger one the archive is read
 * again for each link. There can be only few of these, because the meter counts each copy towards the limit on size.
 */
export async function* readCopies(reading: Reading): AsyncGenerator<ArchiveEntry> {
  const wanted = copiesByMember(reading);
  if (wanted.size === 0) return;
  for await (const [index, member] of numberedMembers(reading)) {
    const body = bodyOf(member, () => rereadBody(reading, index), reading.rules.limits.keptBytes);
    for (const number of wanted.get(index) ?? []) yield toFile(member, reading.tree.pathOf(number), body());
    if (wanted.delete(index) && wanted.size === 0) return;
  }
}

function copiesByMember({ tree, isWanted }: Reading): Map<number, number[]> {
  const wanted = new Map<number, number[]>();
  for (let number = 1; tree.hasCopies && number <= tree.last; number++) {
    const place = tree.placeOf(number);
    if (place?.isCopy !== true || place.member === undefined || !isWanted(tree.pathOf(number))) continue;
    const numbers = wanted.get(place.member) ?? [];
    numbers.push(number);
    wanted.set(place.member, numbers);
  }
  return wanted;
}

async function* numberedMembers({ content, rules, meter }: Reading): AsyncGenerator<[number, Member]> {
  const reader = new ByteReader(plainBytes(content, () => meter.checkTime()));
  let index = 0;
  try {
    for await (const member of readMembers(reader, rules.limits)) yield [index++, member];
  } finally {
    await reader.close();
  }
}

/** Field by field: see `toMember`. */
function toFile(
  { mode, sizeBytes, modifiedAt }: Member,
  path: string,
  body: AsyncIterable<Uint8Array>,
): ArchiveEntry {
  return { path, kind: 'file', mode, sizeBytes, modifiedAt, target: undefined, body };
}

/** Returns the body each time it is called. */
function bodyOf(
  { sizeBytes, body }: Member,
  reread: () => AsyncIterable<Uint8Array>,
  keptBytes: number,
): () => AsyncIterable<Uint8Array> {
  if (sizeBytes > keptBytes) return reread;
  let kept: Uint8Array[] | undefined;
  return async function* () {
    kept ??= await collect(body);
    yield* kept;
  };
}

/** Copies the chunks: they are slices, and each would keep its whole buffer in memory. */
async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
  return chunks;
}

async function* rereadBody(reading: Reading, wanted: number): AsyncGenerator<Uint8Array> {
  for await (const [index, member] of numberedMembers(reading)) {
    if (index !== wanted) continue;
    yield* member.body;
    return;
  }
}
