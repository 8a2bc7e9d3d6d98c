// Ensures that the engine has the image of a job, and pulls it by policy.
import type { RegistryLogin } from '../../executor/backend.js';
import { parseImageReference, withDefaultTag } from '../../job/image-reference.js';
import type { PullPolicy } from '../../job/job.js';
import type { Engine, FoundImage } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';
import { imageGone, imageHollow, imageMissing, referenceInvalid, referenceRefused } from './errors.js';
import { newPrivateImages, PrivateImageGate, type PrivateImages } from './private-images.js';
import { type Pulling, type PullLimits, pullEnd, pullImage } from './pull.js';
import { imageAfterPull, imagesBeforePull, type PullRecorder } from './pull-recorder.js';
import { SharedWork } from './shared-work.js';

export interface ImagesOptions {
  readonly limits: PullLimits;
  /** Throws `BrokenError` when the engine cannot run jobs now, or its disk is full. */
  readonly check?: () => Promise<void>;
  /** Undefined: pulled images are not recorded. */
  readonly recorder?: PullRecorder | undefined;
  /** Undefined: known to this process alone. */
  readonly privateImages?: PrivateImages | undefined;
}

/** For which job. */
export interface Asking {
  readonly signal: AbortSignal;
  readonly login?: RegistryLogin | undefined;
}

/** One instance serves all jobs. */
export class Images {
  readonly #engine: Engine;
  readonly #limits: PullLimits;
  readonly #recorder: PullRecorder | undefined;
  /** Jobs that need the same image at the same time share one pull. */
  readonly #pulls = new SharedWork<FoundImage>();
  readonly #gate: PrivateImageGate;

  readonly #check: ImagesOptions['check'];

  constructor(
    engine: Engine,
    { limits, recorder, check, privateImages = newPrivateImages() }: ImagesOptions,
  ) {
    this.#engine = engine;
    this.#check = check;
    this.#limits = limits;
    this.#recorder = recorder;
    this.#gate = new PrivateImageGate(engine, privateImages);
  }

  /**
   * Returns the image, pulled if the policy requires it or what the engine has of it cannot run. Throws `JobFailedError`
   * `image_unavailable` when there is no such image or it cannot be reached, the signal's reason when it fires, `EngineError`
   * when the engine fails.
   */
  async ensure(image: string, policy: PullPolicy, asking: Asking): Promise<FoundImage> {
    const found = await this.#find(image, policy, asking);
    await this.#recorder?.used(found.id);
    return found;
  }

  /** With a login the registry was just asked for the digest: what the engine has under that is up to date. */
  async #find(image: string, policy: PullPolicy, { signal, login }: Asking): Promise<FoundImage> {
    signal.throwIfAborted();
    if (parseImageReference(image) === undefined) throw referenceInvalid(image);
    const pulling = { limits: this.#limits, signal, login };
    const reference = await this.#gate.admit(withDefaultTag(image), pulling);
    const mayBeStale = policy === 'Always' && login === undefined;
    const present = mayBeStale ? undefined : await this.#lookUp(reference);
    if (present?.isHollow === false) return present;
    if (policy === 'Never') throw present === undefined ? imageMissing(reference) : imageHollow(reference);
    return await this.#fetch(reference, pulling);
  }

  /** A login is of one job, so its pull is shared with no other. */
  async #fetch(reference: string, { signal, login, limits }: Pulling): Promise<FoundImage> {
    if (login === undefined)
      return await this.#pulls.run(reference, signal, async (shared) => {
        const found = await this.#pull(reference, { limits, signal: shared });
        await this.#gate.admit(reference, { limits, signal: shared }); // Another job may have brought it meanwhile.
        return found;
      });
    await this.#gate.announce(reference, { limits, signal });
    return await this.#pull(reference, { limits, signal, login });
  }

  async #lookUp(reference: string): Promise<FoundImage | undefined> {
    try {
      return await this.#engine.findImage(reference);
    } catch (error) {
      throw isFault(error, 'reference_invalid') ? referenceRefused(reference) : error;
    }
  }

  async #pull(reference: string, pulling: Pulling): Promise<FoundImage> {
    const before = this.#recorder && (await imagesBeforePull(this.#engine));
    const earlier = await this.#lookUp(reference);
    try {
      await pullImage(this.#engine, reference, pulling);
    } catch (error) {
      if (earlier === undefined) await this.#removeHollow(reference);
      if (!pulling.signal.aborted) await this.#check?.(); // What failed a pull may be a registry's words: the engine is asked itself.
      throw pullEnd(error, reference, pulling.signal);
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
