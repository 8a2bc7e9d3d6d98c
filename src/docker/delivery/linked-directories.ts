// Finds the directories of a job's content that are links to directories in the image.
import { contentRefused } from '../archive/errors.js';
import { systemDirectories } from '../archive/rules.js';
import type { ArchiveTree, NumberedPlace } from '../archive/tree.js';
import type { Engine } from '../engine/engine.js';

const root = 0;
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
  const places = [...tree.places()];
  const wanted = placesAboveDirectories(places, tree);
  const inImage = new Set([root]);
  const linked: string[] = [];
  for (const { number, parent, place } of places) {
    if (!wanted.has(number) || !inImage.has(parent)) continue;
    if (performance.now() - startedAt > lookup.limitMs) throw tooSlow(lookup.limitMs);
    const found = await findDirectory(tree.pathOf(number), lookup);
    if (found !== undefined) inImage.add(number);
    if (found === 'link' && place?.kind === 'directory') linked.push(tree.pathOf(number));
  }
  return linked;
}

/** The directories that have an entry, and all that lead to one. System directories are never sent to the engine. */
function placesAboveDirectories(places: readonly NumberedPlace[], tree: ArchiveTree): ReadonlySet<number> {
  const wanted = new Set<number>();
  for (const { number, parent, place } of places.toReversed()) {
    if (place?.kind === 'directory' && !systemDirectories.has(tree.pathOf(number))) wanted.add(number);
    if (wanted.has(number)) wanted.add(parent);
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
