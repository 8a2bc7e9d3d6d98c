// Reads the tar archive of a job's content as a stream, checks every entry and unpacks nothing.
import { ByteReader } from '../tar/byte-reader.js';
import { type Member, MemberReader } from '../tar/members.js';
import { type Reading, readCopies } from './copies.js';
import type { ArchiveEntry } from './entry.js';
import { checkFormat, Refusals, toContentError } from './errors.js';
import { ArchiveMeter } from './meter.js';
import { findEntryProblem, isRoot, kindOf, normalizeName } from './names.js';
import type { Place } from './place-table.js';
import { plainBytes, readRest } from './plain-bytes.js';
import type { ArchiveRules } from './rules.js';
import { ArchiveTree } from './tree.js';

/**
 * Reads a tar archive, plain or compressed with gzip. Yields the entries that are allowed and drops the others; if
 * any were dropped, it throws at the end and names them. Where a name occurs twice, the entry yielded last is the one
 * that counts. Hard links are yielded as files, after all other entries. An archive that is unreadable or exceeds a limit
 * throws at once. Everything it throws about the content is a `JobFailedError` `content_refused`. With `only`, the entries
 * at this path are yielded and all are checked.
 */
export async function* readArchive(
  content: Uint8Array,
  rules: ArchiveRules,
  only?: string,
): AsyncGenerator<ArchiveEntry> {
  try {
    const isWanted = (path: string) => only === undefined || path === only;
    const reading = startReading(content, rules, isWanted);
    yield* acceptedEntries(reading);
    yield* readCopies(reading);
  } catch (error) {
    throw toContentError(error, rules.limits);
  }
}

/** Reads a whole archive without its bodies and returns what is at each of its paths. Throws as `readArchive` does. */
export async function surveyArchive(content: Uint8Array, rules: ArchiveRules): Promise<ArchiveTree> {
  try {
    const reading = startReading(content, rules, () => false);
    for await (const _ of acceptedEntries(reading)); // The entries are in the tree.
    return reading.tree;
  } catch (error) {
    throw toContentError(error, rules.limits);
  }
}

function startReading(
  content: Uint8Array,
  rules: ArchiveRules,
  isWanted: (path: string) => boolean,
): Reading {
  checkFormat(content);
  const meter = new ArchiveMeter(rules.limits, content.byteLength);
  return { content, rules, isWanted, meter, tree: new ArchiveTree(rules.limits) };
}

async function* acceptedEntries(reading: Reading): AsyncGenerator<ArchiveEntry> {
  const { content, rules, meter } = reading;
  const accepting = { ...reading, refusals: new Refusals() };
  const reader = new ByteReader(plainBytes(content, (chunk) => meter.count(chunk)));
  const members = new MemberReader(reader, rules.limits);
  try {
    for (let index = 0; ; index++) {
      const next = members.next();
      const member = next instanceof Promise ? await next : next;
      if (member === undefined) break;
      const entry = accept(member, index, accepting);
      if (entry !== undefined) yield entry;
    }
    await readRest(reader);
  } finally {
    await reader.close();
  }
  accepting.refusals.throwIfAny();
}

/** The entry that is to be yielded for the member, if any is. */
function accept(
  member: Member,
  index: number,
  reading: Reading & { readonly refusals: Refusals },
): ArchiveEntry | undefined {
  reading.meter.enter(member);
  const found = isRoot(member) ? undefined : admit(member, index, reading);
  if (typeof found === 'string') reading.refusals.add(member.name, found);
  if (typeof found !== 'object' || found.isCopy === true) return undefined;
  const path = normalizeName(member.name);
  return reading.isWanted(path) ? toEntry(member, found, path, reading.rules) : undefined;
}

/** The place that the member takes in the tree, or why it is refused. */
function admit(member: Member, index: number, { rules, meter, tree }: Reading): Place | string {
  const problem = findEntryProblem(member, rules);
  if (problem !== undefined) return problem;
  const place = member.type === 'hard_link' ? linked(member, tree, rules) : toPlace(member, index);
  if (typeof place === 'string') return place;
  if (place.isCopy === true) meter.grow(place.sizeBytes ?? 0);
  return tree.add(normalizeName(member.name), place) ?? place;
}

function toPlace({ type, sizeBytes, target }: Member, index: number): Place {
  const kind = kindOf(type) ?? 'file'; // An entry of any other type was refused before.
  if (kind === 'file') return { kind, member: index, sizeBytes };
  return kind === 'link' ? { kind, target } : { kind };
}

/** What a hard link becomes. It may only link to an earlier entry of the archive, never to a file of the image. */
function linked(member: Member, tree: ArchiveTree, rules: ArchiveRules): Place | string {
  const found = tree.find(normalizeName(member.target));
  if (found === undefined) return 'it is a hard link to something that is not before it in the archive';
  if (found === 'implied' || found.kind === 'directory') return 'it is a hard link to a directory';
  if (found.kind === 'file') return { ...found, isCopy: true };
  return findEntryProblem({ name: member.name, type: 'link', target: found.target ?? '' }, rules) ?? found;
}

function toEntry(
  { mode, sizeBytes, modifiedAt, body }: Member,
  { kind, target }: Place,
  path: string,
  rules: ArchiveRules,
): ArchiveEntry {
  return { path, kind, mode, sizeBytes, modifiedAt, target, body: readBody(body, rules) };
}

/** An error in the archive may first reach the reader of a body, so it is translated here too. */
async function* readBody(
  source: AsyncIterable<Uint8Array>,
  { limits }: ArchiveRules,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw toContentError(error, limits);
  }
}
