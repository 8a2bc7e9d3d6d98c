// Removes pulled images, least recently used first, until the rest fit into the configured size.
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

/** An image that the engine has. */
export interface PresentImage {
  /** As the engine itself names it, like the ids in use and those on record: see docs/engines.md. */
  readonly id: string;
  readonly names: readonly string[];
}

export interface ImageCacheParts {
  readonly store: Pick<Store, 'listPulledImages' | 'forgetImage'>;
  readonly engine: {
    /** Undefined when it does not answer. */
    id(): Promise<string | undefined>;
    listImages(): Promise<readonly PresentImage[]>;
    /** Ids of the images of all containers, running or not. */
    imagesInUse(): Promise<ReadonlySet<string>>;
    /** False: the engine keeps it because it is in use. */
    removeImage(image: PresentImage): Promise<boolean>;
  };
  /** Limit for the total size of the images that we pulled. */
  readonly limitBytes: number;
  readonly node: string;
  readonly log: WorkerLog;
}

/**
 * Removes the least recently used images until the rest fit. It removes only images that we pulled, that have no name
 * given by somebody else, and that no container uses. Returns their ids. A size counts all layers of an image, shared or
 * not, so the images may take less room than their sum. Throws `BrokenError` when Postgres or the engine is unavailable.
 */
export async function cleanImages(parts: ImageCacheParts): Promise<string[]> {
  const engineId = await parts.engine.id();
  if (engineId === undefined) return [];
  const ours = await findOurs(parts, engineId);
  const inUse = await parts.engine.imagesInUse();
  let total = ours.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const removed = [];
  for (const { image, sizeBytes } of ours) {
    if (total <= parts.limitBytes) break;
    if (inUse.has(image.id) || !(await remove(parts, engineId, image))) continue;
    total -= sizeBytes;
    removed.push(image.id);
  }
  return removed;
}

interface OurImage {
  readonly image: PresentImage;
  readonly sizeBytes: number;
}

/** Deletes the records of images that are gone, and of those that somebody else has named: they are no longer ours. */
async function findOurs({ store, engine }: ImageCacheParts, engineId: string): Promise<OurImage[]> {
  const pulled = await store.listPulledImages(engineId);
  const present = new Map((await engine.listImages()).map((image) => [image.id, image]));
  const ours = [];
  for (const { imageId, references, sizeBytes } of pulled) {
    const image = present.get(imageId);
    if (image?.names.every((name) => references.includes(name)) === true) ours.push({ image, sizeBytes });
    else await store.forgetImage({ engineId, imageId });
  }
  return ours;
}

async function remove(parts: ImageCacheParts, engineId: string, image: PresentImage): Promise<boolean> {
  const { store, engine, node, log } = parts;
  try {
    if (!(await engine.removeImage(image))) return false;
  } catch (error) {
    log.error('could not remove an image; trying again', { image: image.id, error });
    return false;
  }
  await store.forgetImage({ engineId, imageId: image.id }, `node:${node}`);
  log.info('removed the least recently used image', { image: image.id, names: image.names });
  return true;
}
