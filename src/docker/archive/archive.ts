// Reads the tar archive of a job's content as a stream, checks every entry and unpacks nothing.
import { AcceptedEntries } from './accepted-entries.js';
import { type Reading, readCopies } from './copies.js';
import type { ArchiveEntry } from './entry.js';
import { checkFormat, toContentError } from './errors.js';
import { ArchiveMeter } from './meter.js';
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
    await using entries = new AcceptedEntries(reading);
    for (;;) {
      const next = entries.next(); // A promise for each of 100,000 entries would cost more than they.
      const entry = next instanceof Promise ? await next : next;
      if (entry === undefined) break;
      yield entry;
    }
    yield* readCopies(reading);
  } catch (error) {
    throw toContentError(error, rules.limits);
  }
}

/** Reads a whole archive without its bodies and returns what is at each of its paths. Throws as `readArchive` does. */
export async function surveyArchive(content: Uint8Array, rules: ArchiveRules): Promise<ArchiveTree> {
  try {
    const reading = startReading(content, rules, () => false);
    await using entries = new AcceptedEntries(reading);
    await entries.next(); // None is wanted: all are in the tree.
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
