import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

export interface PulledImagesParts {
  readonly store: Pick<Store, 'recordPull' | 'touchImage'>;
  /** Undefined when the engine does not answer. */
  readonly engineId: () => Promise<string | undefined>;
  readonly log: WorkerLog;
}

/** A name that a pull of ours gave to an image; `isNew` is false when the image was there before. */
export interface PulledName {
  readonly imageId: string;
  readonly reference: string;
  readonly sizeBytes: number;
  readonly isNew: boolean;
}

/** Exact to the minute: thousands of jobs may use one image. */
const accuracyMs = 60_000;

/**
 * Keeps account of the images that we pulled and of their last use. What cannot be written is only told to the log: an
 * image that is missing here stays at the engine for ever, which is better than a job that fails for it.
 */
export class PulledImages {
  readonly #parts: PulledImagesParts;
  /** When we wrote last that an image is in use, on our own clock. */
  readonly #written = new Map<string, number>();

  constructor(parts: PulledImagesParts) {
    this.#parts = parts;
  }

  async pulled(name: PulledName): Promise<void> {
    await this.#write(name.imageId, (engineId) => this.#parts.store.recordPull({ engineId, ...name }));
  }

  async used(imageId: string): Promise<void> {
    const now = performance.now();
    if (now - (this.#written.get(imageId) ?? -accuracyMs) < accuracyMs) return;
    for (const [id, at] of this.#written) if (now - at >= accuracyMs) this.#written.delete(id);
    this.#written.set(imageId, now);
    await this.#write(imageId, (engineId) => this.#parts.store.touchImage({ engineId, imageId }));
  }

  async #write(imageId: string, write: (engineId: string) => Promise<void>): Promise<void> {
    try {
      const engineId = await this.#parts.engineId();
      if (engineId !== undefined) await write(engineId);
    } catch (error) {
      this.#parts.log.error('could not note the use of an image', { image: imageId, error });
    }
  }
}
