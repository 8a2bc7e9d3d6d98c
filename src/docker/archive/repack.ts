// Writes checked entries and files of our own into a new plain tar for the engine.
import { Readable } from 'node:stream';
import { jobUser } from '../container/container.js';
import { padded } from '../tar/byte-reader.js';
import { blockBytes } from '../tar/header.js';
import { encodeHeader } from '../tar/new-header.js';
import { Chunks } from './chunks.js';
import type { ArchiveEntry } from './entry.js';
import { systemDirectories } from './rules.js';

/** A file of ours, added after everything else so that it replaces any other of its name. */
export interface ExtraFile {
  /** Inside the container, without the leading slash. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes entries into a plain tar with new headers: no set-uid bit, extended attribute or foreign owner gets through,
 * and the engine's reader sees nothing that ours did not see. The result is a stream and never held in memory as a
 * whole; it fails with the error that the entries fail with.
 */
export function repack(entries: AsyncIterable<ArchiveEntry>, additions: Additions): Readable {
  return Readable.from(tarChunks(entries, additions), { objectMode: false });
}

/** What is added and left out. Entries at the path of an extra file are left out too. */
export interface Additions {
  readonly extras?: readonly ExtraFile[];
  /** Paths, without leading slash, of entries to leave out. */
  readonly leftOut?: readonly string[];
}

async function* tarChunks(
  entries: AsyncIterable<ArchiveEntry>,
  { extras = [], leftOut = [] }: Additions,
): AsyncGenerator<Uint8Array> {
  const chunks = new Chunks();
  const taken = new Set([...leftOut, ...extras.map(({ path }) => path)]);
  for await (const entry of entries) {
    if (isLeftOut(entry, taken)) continue;
    for (const full of chunks.add(toHeader(entry))) yield full;
    if (entry.kind === 'file' && entry.sizeBytes > 0) yield* fileChunks(entry, chunks);
  }
  for (const { bytes, ...extra } of extras)
    for (const piece of [toExtraHeader({ bytes, ...extra }), bytes, paddingOf(bytes.byteLength)])
      for (const full of chunks.add(piece)) yield full;
  for (const full of chunks.add(Buffer.alloc(2 * blockBytes))) yield full;
  yield chunks.rest();
}

/** The body, and zeros up to the end of its last block. */
async function* fileChunks({ sizeBytes, body }: ArchiveEntry, chunks: Chunks): AsyncGenerator<Uint8Array> {
  for await (const piece of body) for (const full of chunks.add(piece)) yield full;
  for (const full of chunks.add(paddingOf(sizeBytes))) yield full;
}

const zeros = Buffer.alloc(blockBytes);

function paddingOf(bytes: number): Uint8Array {
  return zeros.subarray(0, padded(bytes) - bytes);
}

/** The image's own directories keep their mode and owner, and some of them are links that a directory would replace. */
function isLeftOut({ path, kind }: ArchiveEntry, taken: ReadonlySet<string>): boolean {
  return taken.has(path) || (kind === 'directory' && systemDirectories.has(path));
}

/** Field by field: see `toMember`. */
function toHeader({ path, kind, mode, sizeBytes, modifiedAt, target }: ArchiveEntry): Buffer {
  return encodeHeader({
    name: path,
    kind,
    mode: toMode(mode),
    uid: jobUser.uid,
    gid: jobUser.gid,
    sizeBytes: kind === 'file' ? sizeBytes : 0,
    modifiedAt: toTime(modifiedAt),
    target: kind === 'file' ? '' : target,
  });
}

/** Some programs write no mode at all, and the job could not read the file then. */
function toMode(mode: number): number {
  return (mode & 0o777) === 0 ? 0o400 : mode & 0o777;
}

/** Not every engine and file system takes other times. */
function toTime(date: Date): Date {
  const seconds = Math.floor(date.getTime() / 1000);
  return new Date(Math.min(Math.max(Number.isNaN(seconds) ? 0 : seconds, 0), 2 ** 31 - 1) * 1000);
}

function toExtraHeader({ path, bytes, mode, uid, gid }: ExtraFile): Buffer {
  const times = { modifiedAt: new Date(0), sizeBytes: bytes.byteLength };
  return encodeHeader({ name: path, kind: 'file', mode, uid, gid, ...times });
}
