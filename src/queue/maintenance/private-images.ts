// Knows which images of this node's engine came with the login of a job; all nodes on the engine share it.
import { BrokenError } from '../../job/errors.js';
import type { Store } from '../../store/store.js';

export interface PrivateImagesParts {
  readonly store: Pick<Store, 'recordPrivateImages' | 'arePrivateImages'>;
  /** Undefined when the engine does not answer. */
  readonly engineId: () => Promise<string | undefined>;
}

/** Throws `BrokenError` where it cannot say or record it: then the job waits, rather than get what is not its own. */
export class PrivateImages {
  readonly #parts: PrivateImagesParts;

  constructor(parts: PrivateImagesParts) {
    this.#parts = parts;
  }

  async has(names: readonly string[]): Promise<boolean> {
    return await this.#parts.store.arePrivateImages({ engineId: await this.#engineId(), names });
  }

  async add(name: string): Promise<void> {
    await this.#parts.store.recordPrivateImages({ engineId: await this.#engineId(), names: [name] });
  }

  async #engineId(): Promise<string> {
    const id = await this.#parts.engineId();
    if (id !== undefined) return id;
    throw new BrokenError('engine_unavailable', 'Could not ask the engine for its id: it does not answer.');
  }
}
