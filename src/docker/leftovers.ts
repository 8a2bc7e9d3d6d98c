import { type ContainerSettings, containerName, jobTag, tagLabel } from './container.js';
import type { Engine, ListedContainer } from './engine.js';
import { imageTag } from './image-facts.js';

/**
 * The containers that an earlier life of this node left at the engine. Of this node alone: those of other nodes may
 * be running jobs, and what only carries our labels is somebody else's.
 */
export class Leftovers {
  readonly #engine: Engine;
  readonly #settings: ContainerSettings;
  #removal: Promise<number> | undefined;

  constructor(engine: Engine, settings: ContainerSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /**
   * Removes them, running or not, and returns how many there were. Works once in a life: what is made later is no
   * leftover. So nothing may be made before this has worked. Throws `EngineError`, and then tries anew when called again.
   */
  async remove(): Promise<number> {
    this.#removal ??= this.#remove();
    try {
      return await this.#removal;
    } catch (error) {
      this.#removal = undefined;
      throw error;
    }
  }

  async #remove(): Promise<number> {
    const listed = await this.#engine.listContainers(`stint.installation=${this.#settings.installation}`);
    const found = listed.filter((container) => this.#isLeftover(container));
    await Promise.all(found.map(({ id }) => this.#engine.remove(id)));
    return found.length;
  }

  #isLeftover(container: ListedContainer): boolean {
    if (container.labels['stint.node'] !== this.#settings.node) return false;
    return this.#isJob(container) || container.labels[tagLabel] === imageTag(this.#settings, container.name);
  }

  #isJob({ name, labels }: ListedContainer): boolean {
    const claim = { jobId: labels['stint.job'] ?? '', fence: Number(labels['stint.fence']) };
    return (
      labels[tagLabel] === jobTag(this.#settings, claim) && name === containerName(this.#settings, claim)
    );
  }
}
