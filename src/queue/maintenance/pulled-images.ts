// Records which images stint pulled and when a job used them last, for the image cache.
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

/** The use of an image is written at most once a minute: thousands of jobs may use one image. */
const writeIntervalMs = 60_000;

/**
 * Records the images that we pulled and their last use. A failed write is only logged: an image without a record stays at
 * the engine for ever, which is better than a failed job.
 */
export class PulledImages {
  readonly #parts: PulledImagesParts;
  /** When the use of each image was last written, by this process' monotonic clock. */
  readonly #written = new Map<string, number>();

  constructor(parts: PulledImagesParts) {
    this.#parts = parts;
  }

  async pulled(name: PulledName): Promise<void> {
    await this.#write(name.imageId, (engineId) => this.#parts.store.recordPull({ engineId, ...name }));
  }

  async used(imageId: string): Promise<void> {
    const now = performance.now();
    if (now - (this.#written.get(imageId) ?? -writeIntervalMs) < writeIntervalMs) return;
    for (const [id, at] of this.#written) if (now - at >= writeIntervalMs) this.#written.delete(id);
    this.#written.set(imageId, now);
    await this.#write(imageId, (engineId) => this.#parts.store.touchImage({ engineId, imageId }));
  }

  async #write(imageId: string, write: (engineId: string) => Promise<void>): Promise<void> {
    try {
      const engineId = await this.#parts.engineId();
      if (engineId !== undefined) await write(engineId);
    } catch (error) {
      this.#parts.log.error('could not record the use of an image', { image: imageId, error });
    }
  }
}
