// Ensures that the engine has the image of a job, and pulls it by policy.
import { JobFailedError } from '../../job/errors.js';
import { parseImageReference, withDefaultTag } from '../../job/image-reference.js';
import type { PullPolicy } from '../../job/job.js';
import type { Engine, FoundImage } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';
import {
  imageGone,
  imageHollow,
  imageMissing,
  pullFailure,
  referenceInvalid,
  referenceRefused,
} from './errors.js';
import { type PullLimits, pullImage } from './pull.js';
import { imageAfterPull, imagesBeforePull, type PullRecorder } from './pull-recorder.js';
import { SharedWork } from './shared-work.js';

/** One instance serves all jobs. */
export class Images {
  readonly #engine: Engine;
  readonly #limits: PullLimits;
  readonly #recorder: PullRecorder | undefined;
  /** Jobs that need the same image at the same time share one pull. */
  readonly #pulls = new SharedWork<FoundImage>();

  constructor(engine: Engine, limits: PullLimits, recorder?: PullRecorder) {
    this.#engine = engine;
    this.#limits = limits;
    this.#recorder = recorder;
  }

  /**
   * Returns the image, pulled if the policy requires it or what the engine has of it cannot run. Throws `JobFailedError`
   * `image_unavailable` when there is no such image or it cannot be reached, the signal's reason when it fires, `EngineError`
   * when the engine fails.
   */
  async ensure(image: string, policy: PullPolicy, signal: AbortSignal): Promise<FoundImage> {
    const found = await this.#find(image, policy, signal);
    await this.#recorder?.used(found.id);
    return found;
  }

  async #find(image: string, policy: PullPolicy, signal: AbortSignal): Promise<FoundImage> {
    signal.throwIfAborted();
    if (parseImageReference(image) === undefined) throw referenceInvalid(image);
    const reference = withDefaultTag(image);
    const present = policy === 'Always' ? undefined : await this.#lookUp(reference);
    if (present?.isHollow === false) return present;
    if (policy === 'Never') throw present === undefined ? imageMissing(reference) : imageHollow(reference);
    return await this.#pulls.run(reference, signal, (pulling) => this.#pull(reference, pulling));
  }

  async #lookUp(reference: string): Promise<FoundImage | undefined> {
    try {
      return await this.#engine.findImage(reference);
    } catch (error) {
      throw isFault(error, 'reference_invalid') ? referenceRefused(reference) : error;
    }
  }

  async #pull(reference: string, signal: AbortSignal): Promise<FoundImage> {
    const before = this.#recorder && (await imagesBeforePull(this.#engine));
    const earlier = await this.#lookUp(reference);
    try {
      await pullImage(this.#engine, reference, { limits: this.#limits, signal });
    } catch (error) {
      if (earlier === undefined) await this.#removeHollow(reference);
      throw signal.aborted || error instanceof JobFailedError ? error : pullFailure(error, reference);
    }
    const found = await this.#lookUp(reference);
    if (found === undefined) throw imageGone(reference);
    if (found.isHollow) throw imageHollow(reference);
    const pulledName =
      this.#recorder && (await imageAfterPull(this.#engine, before, { imageId: found.id, reference }));
    if (pulledName !== undefined) await this.#recorder?.pulled(pulledName);
    return found;
  }

  /** What a failed pull left under a name that was free: nothing can run it, and nobody else would remove it. */
  async #removeHollow(reference: string): Promise<void> {
    try {
      const left = await this.#engine.findImage(reference);
      if (left?.isHollow === true) await this.#engine.removeImage(reference);
    } catch {
      // It is not believed in any case: the next job pulls again.
    }
  }
}
