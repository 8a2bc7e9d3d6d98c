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

/** One entry that passed all checks. Its body must be read to its end, or left alone, before the next is asked for. */
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
 * Reads a tar archive, plain or compressed with gzip, as a stream and unpacks nothing. Yields the entries that are
 * welcome and drops the others; if there were any, it throws at the end and names them. What makes the archive as a
 * whole unreadable or too much throws at once. Everything it throws about the content is a `JobFailedError`
 * `content_refused`.
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
    reader.destroy(); // Ends the feeding as well, where the archive is left half read.
    await feeding.catch(() => undefined); // Its error has come out through the reader.
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
    source.resume(); // The reader does not go on before this one is drained.
  }
  meter.finish();
  if (refusals.length > 0) throw entriesRefused(refusals);
}

type Source = Extract extends AsyncIterable<infer One> ? One : never;

function toEntry(source: Source): ArchiveEntry {
  const { name, type, mode, size, mtime, linkname } = source.header;
  return {
    path: normalizeName(name),
    kind: kindOf(type) ?? 'file', // Where it is neither, the entry is refused before anybody looks.
    mode,
    sizeBytes: size,
    modifiedAt: mtime,
    target: linkname ?? undefined, // The library's types know no null, its reader does.
    body: readBody(source as AsyncIterable<Uint8Array>),
  };
}

/** What is wrong with the archive reaches whoever reads a body first, in our words there too. */
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

/** What the library knows of a header beyond its types. */
interface FullHeader {
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

function headerEnd(header: Header): number {
  return (header as Header & FullHeader).byteOffset;
}

/** Its bytes would be taken for the file's, and they are not. */
function isSparse(header: Header): boolean {
  const { pax } = header as Header & FullHeader;
  return pax !== null && Object.keys(pax).some((key) => key.startsWith('GNU.sparse'));
}

const sliceBytes = 64 * 1024;

/** Pushes the plain bytes into the reader, as fast as it takes them. What goes wrong comes out of the reader, too. */
async function feed(content: Uint8Array, reader: Extract, meter: ArchiveMeter): Promise<void> {
  let problem: unknown; // The pipeline may put an error of its own in its place.
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
    if (!reader.write(chunk) && !(await drained(reader))) throw new Error('The archive was left half read.');
  }
  reader.end(undefined);
}

function* slices(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.byteLength; at += sliceBytes) yield content.subarray(at, at + sliceBytes);
}

function isGzip(content: Uint8Array): boolean {
  return content[0] === 0x1f && content[1] === 0x8b;
}
