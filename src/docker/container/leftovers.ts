// Removes the containers that a previous process of this node left at the engine.
import type { Engine, ListedContainer } from '../engine/engine.js';
import { imageTag } from '../image/facts.js';
import { isSandbox, sandboxesInUse } from '../sandbox/sandbox.js';
import { type ContainerSettings, tagLabel } from './container.js';
import { isJobContainer } from './job-removal.js';

/**
 * Leftover containers of this node alone: those of other nodes may be running jobs, and containers that only carry our
 * labels belong to somebody else.
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

  /** The container of this job was adopted and is in use: it is no leftover. */
  exclude(jobId: string): void {
    this.#adopted.add(jobId);
  }

  /**
   * Removes them, running or not, except those of jobs to keep, and returns how many there were. Succeeds once per
   * process: containers made later are no leftovers. So no container may be made before this has succeeded. Throws
   * `EngineError`; the next call then tries again.
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
    const kept = listed.filter(({ labels }) => isKept(labels['stint.job']));
    const needed = sandboxesInUse(this.#settings, kept);
    const found = listed.filter(
      (each) => this.#isLeftover(each) && !kept.includes(each) && !needed.has(each.name),
    );
    await Promise.all(found.map(({ id }) => this.#engine.remove(id)));
    return found.length;
  }

  #isLeftover(container: ListedContainer): boolean {
    if (container.labels['stint.node'] !== this.#settings.node) return false;
    if (isJobContainer(this.#settings, container)) return true;
    if (isSandbox(this.#settings, container)) return true;
    return container.labels[tagLabel] === imageTag(this.#settings, container.name);
  }
}
