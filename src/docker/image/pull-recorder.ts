import type { Engine, ListedImage } from '../engine/engine.js';

/** A name that a pull of ours gave to an image. */
export interface PulledName {
  readonly imageId: string;
  /** As the engine writes it. */
  readonly reference: string;
  readonly sizeBytes: number;
  /** False: the image was there before, under other names. */
  readonly isNew: boolean;
}

/** Who keeps account of the images. Neither call may throw: a job does not fail for it. */
export interface PullRecorder {
  pulled(name: PulledName): Promise<void>;
  used(imageId: string): Promise<void>;
}

/** What the engine has before a pull; undefined where it did not say, and then nothing is counted as ours. */
export async function imagesBeforePull(engine: Engine): Promise<readonly ListedImage[] | undefined> {
  return await engine.listImages().catch(() => undefined);
}

/**
 * What a pull has brought. An image that was there under this very name is somebody else's, or in the recorder already: the
 * pull changed nothing.
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
