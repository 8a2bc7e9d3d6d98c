// Decides for each member of an archive whether and as what it is accepted, and remembers it in the tree.
import { ByteReader } from '../tar/byte-reader.js';
import { type Member, MemberReader } from '../tar/members.js';
import type { Reading } from './copies.js';
import type { ArchiveEntry } from './entry.js';
import { Refusals, toContentError } from './errors.js';
import { findEntryProblem, isRoot, kindOf, normalizeName } from './names.js';
import type { Place } from './place-table.js';
import { plainBytes, readRest } from './plain-bytes.js';
import type { ArchiveRules } from './rules.js';
import type { ArchiveTree } from './tree.js';

/** The entries of an archive in its order, without copies for hard links. To be disposed. */
export class AcceptedEntries implements AsyncDisposable {
  readonly #reading: Reading & { readonly refusals: Refusals };
  readonly #reader: ByteReader;
  readonly #members: MemberReader;
  #index = 0;

  constructor(reading: Reading) {
    const { content, rules, meter } = reading;
    this.#reading = { ...reading, refusals: new Refusals() };
    this.#reader = new ByteReader(plainBytes(content, (chunk) => meter.count(chunk)));
    this.#members = new MemberReader(this.#reader, rules.limits);
  }

  /** The next one that is wanted, at once where it is at hand; undefined at the end. Throws there what was refused. */
  next(): ArchiveEntry | Promise<ArchiveEntry | undefined> {
    const member = this.#members.next();
    if (member === undefined || member instanceof Promise) return this.#find(member);
    return accept(member, this.#index++, this.#reading) ?? this.#find(this.#members.next());
  }

  async #find(first: ReturnType<MemberReader['next']>): Promise<ArchiveEntry | undefined> {
    for (let coming = first; ; coming = this.#members.next()) {
      const member = coming instanceof Promise ? await coming : coming;
      if (member === undefined) break;
      const entry = accept(member, this.#index++, this.#reading);
      if (entry !== undefined) return entry;
    }
    await readRest(this.#reader);
    this.#reading.refusals.throwIfAny();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close();
  }
}

/** The entry that is to be yielded for the member, if any is. */
function accept(
  member: Member,
  index: number,
  reading: Reading & { readonly refusals: Refusals },
): ArchiveEntry | undefined {
  reading.meter.enter(member);
  const path = normalizeName(member.name);
  if (path === '' && isRoot(member)) return undefined;
  const found = admit(member, { index, path }, reading);
  if (typeof found === 'string') reading.refusals.add(member.name, found);
  if (typeof found !== 'object' || found.isCopy === true) return undefined;
  return reading.isWanted(path) ? toEntry(member, found, path, reading.rules) : undefined;
}

/** The place that the member takes in the tree, or why it is refused. */
function admit(
  member: Member,
  { index, path }: { readonly index: number; readonly path: string },
  { rules, meter, tree }: Reading,
): Place | string {
  const problem = findEntryProblem(member, rules);
  if (problem !== undefined) return problem;
  const place = member.type === 'hard_link' ? linked(member, tree, rules) : toPlace(member, index);
  if (typeof place === 'string') return place;
  if (place.isCopy === true) meter.grow(place.sizeBytes ?? 0);
  return tree.add(path, place) ?? place;
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
  const read = sizeBytes === 0 ? body : readBody(body, rules);
  return { path, kind, mode, sizeBytes, modifiedAt, target, body: read };
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
