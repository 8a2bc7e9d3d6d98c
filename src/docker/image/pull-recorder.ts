// Finds out which image names a pull of ours added, so that only those are removed later.
import type { Engine, ListedImage } from '../engine/engine.js';

/** A name that one of our pulls gave to an image. */
export interface PulledName {
  readonly imageId: string;
  /** As the engine writes it. */
  readonly reference: string;
  readonly sizeBytes: number;
  /** False: the image was there before, under other names. */
  readonly isNew: boolean;
}

/** Records pulled and used images. Neither method may throw: a job must not fail because of it. */
export interface PullRecorder {
  pulled(name: PulledName): Promise<void>;
  used(imageId: string): Promise<void>;
}

/** The images before a pull; undefined when the engine did not answer, and then nothing counts as ours. */
export async function imagesBeforePull(engine: Engine): Promise<readonly ListedImage[] | undefined> {
  return await engine.listImages().catch(() => undefined);
}

/**
 * The name that the pull added. Undefined when the image already had it: then it is not ours, or already recorded, and
 * the pull changed nothing.
 */
export async function imageAfterPull(
  engine: Engine,
  before: readonly ListedImage[] | undefined,
  pulled: { imageId: string; reference: string },
): Promise<PulledName | undefined> {
  const after = (await imagesBeforePull(engine))?.find(({ id }) => id === pulled.imageId);
  if (before === undefined || after === undefined) return undefined;
  const earlier = before.find(({ id }) => id === pulled.imageId);
  const name = after.names.find((each) => earlier?.names.includes(each) !== true);
  const isNew = earlier === undefined;
  if (name === undefined && !isNew) return undefined;
  const { imageId, reference } = pulled;
  return { imageId, reference: name ?? reference, sizeBytes: after.sizeBytes, isNew };
}
