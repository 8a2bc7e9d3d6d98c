// Writes checked entries and files of our own into a new plain tar for the engine.
import { Readable } from 'node:stream';
import { type Header, type Pack, pack } from 'tar-stream';
import { jobUser } from '../container/container.js';
import { drained } from '../engine/drained.js';
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
  return Readable.from(tarBytes(entries, additions), { objectMode: false });
}

/** What is added and left out. Entries at the path of an extra file are left out too. */
export interface Additions {
  readonly extras?: readonly ExtraFile[];
  /** Paths, without leading slash, of entries to leave out. */
  readonly leftOut?: readonly string[];
}

async function* tarBytes(
  entries: AsyncIterable<ArchiveEntry>,
  additions: Additions,
): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const filling = fill(tar, entries, additions);
  try {
    yield* tar as AsyncIterable<Uint8Array>;
    await filling;
  } finally {
    tar.destroy(); // Also ends the filling when the caller stops early.
    await filling.catch(() => undefined); // The tar stream has already thrown its error.
  }
}

async function fill(tar: Pack, entries: AsyncIterable<ArchiveEntry>, additions: Additions): Promise<void> {
  const { extras = [], leftOut = [] } = additions;
  const taken = new Set([...leftOut, ...extras.map(({ path }) => path)]);
  try {
    for await (const entry of entries) {
      if (!isLeftOut(entry, taken)) await addEntry(tar, toHeader(entry), entry.body);
    }
    for (const extra of extras) await addEntry(tar, toExtraHeader(extra), [extra.bytes]);
    tar.finalize();
  } catch (error) {
    tar.destroy(error as Error);
    throw error;
  }
}

/** The image's own directories keep their mode and owner, and some of them are links that a directory would replace. */
function isLeftOut({ path, kind }: ArchiveEntry, taken: ReadonlySet<string>): boolean {
  return taken.has(path) || (kind === 'directory' && systemDirectories.has(path));
}

function toHeader({ path, kind, mode, sizeBytes, modifiedAt, target }: ArchiveEntry): NewHeader {
  const common = { name: path, mode: toMode(mode), mtime: toTime(modifiedAt), ...jobUser };
  if (kind === 'link') return { ...common, type: 'symlink', linkname: target ?? '' };
  return kind === 'directory'
    ? { ...common, type: 'directory' }
    : { ...common, type: 'file', size: sizeBytes };
}

/** The library treats 0 as "not given" and would make the file readable by all. */
function toMode(mode: number): number {
  return (mode & 0o777) === 0 ? 0o400 : mode & 0o777;
}

/** The library writes a time of more than 31 bits as garbage, which the engine would refuse. */
function toTime(date: Date): Date {
  const seconds = Math.floor(date.getTime() / 1000);
  return new Date(Math.min(Math.max(Number.isNaN(seconds) ? 0 : seconds, 0), 2 ** 31 - 1) * 1000);
}

function toExtraHeader({ path, bytes, mode, uid, gid }: ExtraFile): NewHeader {
  return { name: path, type: 'file', size: bytes.byteLength, mode, uid, gid, mtime: new Date(0) };
}

type NewHeader = Partial<Header> & Pick<Header, 'name'>;

async function addEntry(
  tar: Pack,
  header: NewHeader,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sink = tar.entry(header, (error) => (error ? reject(error) : resolve()));
    sink.once('error', reject);
    if (header.type === 'file') writeBody(sink, body).catch(reject);
  });
}

type Sink = ReturnType<Pack['entry']>;

async function writeBody(sink: Sink, body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (!sink.write(chunk) && !(await drained(sink))) return;
  }
  sink.end(undefined);
}
