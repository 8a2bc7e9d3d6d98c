import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

/** An image that the engine has. */
export interface PresentImage {
  readonly id: string;
  readonly names: readonly string[];
}

export interface ImageCacheParts {
  readonly store: Pick<Store, 'listPulledImages' | 'forgetImage'>;
  readonly engine: {
    /** Undefined when it does not answer. */
    id(): Promise<string | undefined>;
    listImages(): Promise<readonly PresentImage[]>;
    /** Ids of the images that containers are made of, running or not. */
    imagesInUse(): Promise<ReadonlySet<string>>;
    /** False: the engine keeps it because somebody uses it. */
    removeImage(image: PresentImage): Promise<boolean>;
  };
  /** What the images that we pulled may have together. */
  readonly limitBytes: number;
  readonly node: string;
  readonly log: WorkerLog;
}

/**
 * Removes the images that were used longest ago until the others fit, but only those that we pulled, that have no name
 * by somebody else and that no container is made of. Returns their ids. A size counts every layer of its image, shared
 * or not, so the others may take less than it seems. Throws `BrokenError` where Postgres or the engine is away.
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

/** Forgets those that are gone, and those to which somebody gave a name of his own: they are his now. */
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
  log.info('removed an image that was used longest ago', { image: image.id, names: image.names });
  return true;
}
