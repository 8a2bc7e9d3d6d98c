// Finds the directories of a job's content that are links to directories in the image.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { contentRefused } from '../archive/errors.js';
import { systemDirectories } from '../archive/rules.js';
import { root } from '../archive/step-table.js';
import type { ArchiveTree } from '../archive/tree.js';
import type { Engine } from '../engine/engine.js';

/** A millisecond or two of work; then others are served. */
const placesAtOnce = 5_000;
/** As many as Linux follows. */
const mostSteps = 40;

interface Lookup {
  readonly engine: Engine;
  readonly containerId: string;
  readonly signal: AbortSignal;
  /** Longest time for all of them together, in milliseconds. */
  readonly limitMs: number;
}

/**
 * The paths of directory entries that are links to directories in the image: an engine would replace such a link by an
 * empty directory. Must be called before the upload, since an engine does nothing else with a container meanwhile. Asks
 * only for places whose parent is in the image, because there is nothing below the others.
 */
export async function findLinkedDirectories(tree: ArchiveTree, lookup: Lookup): Promise<string[]> {
  const startedAt = performance.now();
  const wanted = await placesAboveDirectories(tree);
  const inImage = new Set([root]);
  const linked: string[] = [];
  for (let number = 1; number <= tree.last; number++) {
    if (number % placesAtOnce === 0) await nextTurn();
    if (wanted[number] !== 1 || !inImage.has(tree.parentOf(number))) continue;
    if (performance.now() - startedAt > lookup.limitMs) throw tooSlow(lookup.limitMs);
    const found = await findDirectory(tree.pathOf(number), lookup);
    if (found !== undefined) inImage.add(number);
    if (found === 'link' && tree.kindOf(number) === 'directory') linked.push(tree.pathOf(number));
  }
  return linked;
}

/** 1 for each directory that has an entry, and for all that lead to one. System directories are never sent to the engine. */
async function placesAboveDirectories(tree: ArchiveTree): Promise<Uint8Array> {
  const wanted = new Uint8Array(tree.last + 1);
  for (let number = tree.last; number > root; number--) {
    if (number % placesAtOnce === 0) await nextTurn();
    if (tree.kindOf(number) === 'directory' && !systemDirectories.has(tree.pathOf(number)))
      wanted[number] = 1;
    if (wanted[number] === 1) wanted[tree.parentOf(number)] = 1;
  }
  return wanted;
}

/** Undefined where the image has nothing, or no directory. A link is followed by the engine; some follow one step only. */
async function findDirectory(
  path: string,
  { engine, containerId, signal }: Lookup,
): Promise<'directory' | 'link' | undefined> {
  let at: string | undefined = `/${path}`;
  for (let steps = 0; at !== undefined && steps < mostSteps; steps++) {
    signal.throwIfAborted();
    const facts = await engine.findPath(containerId, at);
    if (facts?.kind === 'directory') return steps === 0 ? 'directory' : 'link';
    at = facts?.target;
  }
  return undefined;
}

function tooSlow(limitMs: number): Error {
  return contentRefused(
    'content_too_slow',
    `Could not compare the directories in \`content\` with those of the image within ${limitMs / 1000} seconds. Leave out entries of directories that the image has.`,
  );
}
