import type { Engine, ListedContainer } from '../engine/engine.js';
import { imageTag } from '../image/facts.js';
import { type ContainerSettings, tagLabel } from './container.js';
import { isJobContainer } from './job-removal.js';

/**
 * The containers that an earlier life of this node left at the engine. Of this node alone: those of other nodes may
 * be running jobs, and what only carries our labels is somebody else's.
 */
export class Leftovers {
  readonly #engine: Engine;
  readonly #settings: ContainerSettings;
  readonly #adopted = new Set<string>();
  #removal: Promise<number> | undefined;

  constructor(engine: Engine, settings: ContainerSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** The container of this job is in use: it is no leftover. */
  spare(jobId: string): void {
    this.#adopted.add(jobId);
  }

  /**
   * Removes them, running or not, but for those of jobs that are to be kept, and returns how many there were. Works once
   * in a life: what is made later is no leftover. So nothing may be made before this has worked. Throws `EngineError`,
   * and then tries anew when called again.
   */
  async remove(keep: (jobId: string) => boolean = () => false): Promise<number> {
    this.#removal ??= this.#remove(keep);
    try {
      return await this.#removal;
    } catch (error) {
      this.#removal = undefined;
      throw error;
    }
  }

  async #remove(keep: (jobId: string) => boolean): Promise<number> {
    const listed = await this.#engine.listContainers(`stint.installation=${this.#settings.installation}`);
    const isKept = (jobId: string | undefined) =>
      jobId !== undefined && (this.#adopted.has(jobId) || keep(jobId));
    const found = listed.filter((each) => this.#isLeftover(each) && !isKept(each.labels['stint.job']));
    await Promise.all(found.map(({ id }) => this.#engine.remove(id)));
    return found.length;
  }

  #isLeftover(container: ListedContainer): boolean {
    if (container.labels['stint.node'] !== this.#settings.node) return false;
    if (isJobContainer(this.#settings, container)) return true;
    return container.labels[tagLabel] === imageTag(this.#settings, container.name);
  }
}
