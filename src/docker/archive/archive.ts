// Reads the tar archive of a job's content as a stream, checks every entry and unpacks nothing.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract, type Header } from 'tar-stream';
import { drained } from '../engine/drained.js';
import { checkFormat, entriesRefused, type Refusal, toContentError } from './errors.js';
import { ArchiveMeter } from './meter.js';
import { type EntryKind, findEntryProblem, kindOf, normalizeName } from './names.js';
import type { ArchiveRules } from './rules.js';
import { ArchiveTree } from './tree.js';

/**
 * One entry that passed all checks. Its body must be read to its end, or not at all, before the next entry is
 * requested.
 */
export interface ArchiveEntry {
  /** Without leading slash, `.` and `..`. */
  readonly path: string;
  readonly kind: EntryKind;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Of a link, relative. */
  readonly target: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Reads a tar archive, plain or compressed with gzip. Yields the entries that are allowed and drops the others; if
 * any were dropped, it throws at the end and names them. An archive that is unreadable or exceeds a limit throws at
 * once. Everything it throws about the content is a `JobFailedError` `content_refused`.
 */
export async function* readArchive(content: Uint8Array, rules: ArchiveRules): AsyncGenerator<ArchiveEntry> {
  checkFormat(content);
  const meter = new ArchiveMeter(rules.limits, content.byteLength);
  const reader = extract();
  const feeding = feed(content, reader, meter);
  try {
    yield* acceptedEntries(reader, meter, rules);
    await feeding;
  } catch (error) {
    throw toContentError(error);
  } finally {
    reader.destroy(); // Also ends the feeding when the caller stops in the middle of the archive.
    await feeding.catch(() => undefined); // The reader has already thrown its error.
  }
}

async function* acceptedEntries(
  reader: Extract,
  meter: ArchiveMeter,
  rules: ArchiveRules,
): AsyncGenerator<ArchiveEntry> {
  const tree = new ArchiveTree();
  const refusals: Refusal[] = [];
  for await (const source of reader) {
    const entry = toEntry(source);
    meter.enter(headerEnd(source.header), entry.sizeBytes);
    const problem = findProblem(source.header, rules);
    const isRoot = problem === undefined && entry.path === '';
    const refusal = problem ?? (isRoot ? undefined : tree.add(entry.path, entry.kind));
    if (refusal !== undefined) refusals.push({ name: source.header.name, reason: refusal });
    else if (!isRoot) yield entry;
    source.resume(); // The reader does not continue before this entry is drained.
  }
  meter.finish();
  if (refusals.length > 0) throw entriesRefused(refusals);
}

type Source = Extract extends AsyncIterable<infer One> ? One : never;

function toEntry(source: Source): ArchiveEntry {
  const { name, type, mode, size, mtime, linkname } = source.header;
  return {
    path: normalizeName(name),
    kind: kindOf(type) ?? 'file', // An entry of any other kind is refused before this value is used.
    mode,
    sizeBytes: size,
    modifiedAt: mtime,
    target: linkname ?? undefined, // The library's reader may give null, though its types do not say so.
    body: readBody(source as AsyncIterable<Uint8Array>),
  };
}

/** An error in the archive may first reach the reader of a body, so it is translated here too. */
async function* readBody(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw toContentError(error);
  }
}

function findProblem(header: Header, rules: ArchiveRules): string | undefined {
  const { name, type, linkname } = header;
  return (
    findEntryProblem({ name, type, target: linkname ?? undefined }, rules) ??
    (isSparse(header) ? 'it is a sparse file' : undefined)
  );
}

/** Header fields that the library sets but its types do not declare. */
interface FullHeader {
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

function headerEnd(header: Header): number {
  return (header as Header & FullHeader).byteOffset;
}

/** The stored bytes of a sparse file are not the bytes of the file, so they must not be used as such. */
function isSparse(header: Header): boolean {
  const { pax } = header as Header & FullHeader;
  return pax !== null && Object.keys(pax).some((key) => key.startsWith('GNU.sparse'));
}

const sliceBytes = 64 * 1024;

/**
 * Pushes the unpacked bytes into the reader, as fast as it takes them. The reader throws the same error as this
 * function.
 */
async function feed(content: Uint8Array, reader: Extract, meter: ArchiveMeter): Promise<void> {
  let problem: unknown; // Kept because the pipeline may throw an error of its own instead.
  const push = async (plain: AsyncIterable<Uint8Array>) => {
    try {
      await pushAll(plain, reader, meter);
    } catch (error) {
      problem = error;
      throw error;
    }
  };
  const source = Readable.from(slices(content));
  try {
    await (isGzip(content) ? pipeline(source, createGunzip(), push) : pipeline(source, push));
  } catch (error) {
    const cause = problem ?? error;
    reader.destroy(cause as Error);
    throw cause;
  }
}

async function pushAll(
  plain: AsyncIterable<Uint8Array>,
  reader: Extract,
  meter: ArchiveMeter,
): Promise<void> {
  for await (const chunk of plain) {
    meter.count(chunk);
    if (!reader.write(chunk) && !(await drained(reader)))
      throw new Error('The reader stopped before the end of the archive.');
  }
  reader.end(undefined);
}

function* slices(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.byteLength; at += sliceBytes) yield content.subarray(at, at + sliceBytes);
}

function isGzip(content: Uint8Array): boolean {
  return content[0] === 0x1f && content[1] === 0x8b;
}
