// Keeps sandboxes ready for the next jobs, so that no job waits until the engine has made its network.
import { setTimeout as delay } from 'node:timers/promises';
import type { LimitFunction } from 'p-limit';
import type { ContainerSettings, Sandbox } from '../container/container.js';
import { removeUntilGone } from '../container/removal.js';
import type { Engine } from '../engine/engine.js';
import { ensureNetwork } from '../engine/isolated-network.js';
import { isolated } from '../engine/networks.js';
import { ensurePauseImage } from './pause-image.js';
import { newSandboxName, type SandboxRequest, sandboxOptions, suitsSandbox } from './sandbox.js';
import { readTraces } from './traces.js';

export interface SandboxParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  /** Jobs that start come first. */
  readonly starts: LimitFunction;
  /** How many there are, ready or in use; 0: none. */
  readonly most: number;
  readonly onFailure: (message: string) => void;
}

/** The network of a job, made ahead. */
export interface TakenSandbox extends Sandbox {
  /**
   * The job's container is gone: nothing runs there any more. In the background it is kept for the next job of the same owner
   * where this one has left nothing in it, and removed otherwise.
   */
  giveBack(): void;
  /** The job's container may still be there: nobody uses this again. */
  giveUp(): void;
}

interface Spare extends Sandbox {
  /** What is to be seen in it without a job; undefined where that cannot be seen, and it is used once. */
  readonly traces: string | undefined;
  /** Whose job has used it; undefined: nobody's. */
  readonly owner?: string;
}

/** An engine that does not answer holds up no end: whoever starts next, or the reaper, removes what is left. */
const patienceAtEndMs = 10_000;

/**
 * One for the whole process. No two jobs have one at a time, none goes from one owner to another, and what a job sent or left
 * in one is met by no other job.
 */
export class Sandboxes {
  readonly #parts: SandboxParts;
  #spares: Spare[] = [];
  readonly #taken = new Set<Spare>();
  readonly #removals = new Set<Promise<unknown>>();
  readonly #looks = new Set<Promise<unknown>>();
  #filling: Promise<void> | undefined;
  #isOpen = false;
  #hasFailed = false;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
  }

  /** Begins to make them, in the background. Not before leftovers are removed: they would be taken for some. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.refill();
  }

  /** In the background: for whoever has started a job, so that the engine has time now. */
  refill(): void {
    if (!this.#isOpen) return;
    this.#filling ??= this.#makeAll().finally(() => {
      this.#filling = undefined;
    });
  }

  /**
   * Waits a moment for one that another job of this owner is giving back. Undefined where none is ready or the job needs a network of its
   * own: its container is then made with it.
   */
  async take(request: SandboxRequest): Promise<TakenSandbox | undefined> {
    if (!suitsSandbox(this.#parts.settings, request)) return undefined;
    const { owner } = request;
    if (!this.#spares.some((spare) => spare.owner === owner)) await Promise.all(this.#looks);
    for (let spare = this.#pick(owner); spare !== undefined; spare = this.#pick(owner)) {
      this.#taken.add(spare);
      if (await this.#runs(spare)) return this.#toTaken({ ...spare, owner }, spare);
      this.#drop(spare);
    }
    return undefined;
  }

  /** Where only those of others are ready, the one that waits longest makes room for a new one. */
  #pick(owner: string): Spare | undefined {
    const found =
      this.#spares.find((spare) => spare.owner === owner) ??
      this.#spares.find((spare) => spare.owner === undefined);
    if (found !== undefined) this.#spares = this.#spares.filter((spare) => spare !== found);
    else for (const { name } of this.#spares.splice(0, 1)) this.remove(name);
    return found;
  }

  /** An engine that was restarted has ended them. */
  async #runs({ id }: Spare): Promise<boolean> {
    const found = await this.#parts.engine.findContainer(id).catch(() => undefined);
    return found?.status === 'running';
  }

  #toTaken(used: Spare, spare: Spare): TakenSandbox {
    const giveBack = () => inBackground(this.#looks, this.#giveBack(used, spare));
    return { id: spare.id, name: spare.name, giveBack, giveUp: () => this.#drop(spare) };
  }

  async #giveBack(used: Spare, spare: Spare): Promise<void> {
    if (!(await this.#isClean(used))) {
      this.#drop(spare);
      this.refill();
      return;
    }
    this.#taken.delete(spare);
    this.#spares.push(used);
  }

  async #isClean({ id, traces }: Spare): Promise<boolean> {
    if (traces === undefined || !this.#isOpen) return false;
    return (await this.#look(id)) === traces;
  }

  async #look(id: string): Promise<string | undefined> {
    const { engine } = this.#parts;
    const found = await engine.findContainer(id).catch(() => undefined);
    return found?.pid === undefined ? undefined : await readTraces(found.pid, id);
  }

  #drop(spare: Spare): void {
    this.#taken.delete(spare);
    this.remove(spare.name);
  }

  /** In the background, until it is gone. Nothing may use it any more. */
  remove(name: string): void {
    const { engine, onFailure } = this.#parts;
    inBackground(this.#removals, removeUntilGone({ engine, findId: async () => name, onFailure }));
  }

  /** The engine is short of something: what nobody uses yet is given back first. The next job that starts makes new ones. */
  giveUp(): void {
    for (const { name } of this.#spares.splice(0)) this.remove(name);
  }

  get #isFull(): boolean {
    return this.#spares.length + this.#taken.size >= this.#parts.most;
  }

  /** One at a time, and none while a job waits for its start. A failure is told once; the next job that starts tries again. */
  async #makeAll(): Promise<void> {
    try {
      while (this.#isOpen && !this.#isFull && this.#parts.starts.pendingCount === 0)
        if (!(await this.#make())) return;
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed && this.#isOpen)
        this.#parts.onFailure(`Could not make the network of a job ahead: ${(error as Error).message}`);
      this.#hasFailed = true;
    }
  }

  /** False: this engine has another processor than our program. */
  async #make(): Promise<boolean> {
    const { engine, settings } = this.#parts;
    const imageId = await ensurePauseImage(engine);
    if (imageId === undefined) return false;
    await ensureNetwork(engine, isolated);
    const name = newSandboxName(settings);
    try {
      const id = await engine.create(name, sandboxOptions(settings, name, imageId));
      await engine.start(id);
      this.#spares.push({ id, name, traces: await this.#look(id) });
    } catch (error) {
      this.remove(name);
      throw error;
    }
    return true;
  }

  /** Removes those that nobody has taken, and waits for all removals. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    const gone = this.#removeSpares();
    await Promise.race([gone, delay(patienceAtEndMs, undefined, { ref: false })]);
  }

  async #removeSpares(): Promise<void> {
    await this.#filling;
    await Promise.all(this.#looks);
    this.giveUp();
    await Promise.all(this.#removals);
  }
}

/** Kept in the set until it has settled. It never rejects. */
function inBackground(all: Set<Promise<unknown>>, work: Promise<unknown>): void {
  all.add(work);
  void work.finally(() => all.delete(work));
}
