import type { NodeFacts } from '../../store/nodes/nodes.js';
import type { Store } from '../../store/store.js';
import type { ActiveJobs } from './active-jobs.js';
import type { WorkerLog } from './worker-log.js';

export interface HeartbeatParts {
  readonly store: Pick<Store, 'extendLeases' | 'seeNode'>;
  readonly describe: () => NodeFacts;
  readonly leaseMs: number;
  readonly log: WorkerLog;
}

/** A node's signs of life: three in the time of a lease, also when it has no job. One at a time. */
export class Heartbeat implements Disposable {
  readonly #parts: HeartbeatParts;
  readonly #active: ActiveJobs;
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #isNew = true;
  #isDrained = false;

  constructor(parts: HeartbeatParts, active: ActiveJobs) {
    this.#parts = parts;
    this.#active = active;
  }

  /** An operator wants this node to take no jobs. Known with every beat; the claim itself asks the database. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#begin(), this.#parts.leaseMs / 3);
    this.#begin();
  }

  #begin(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    void this.#send().finally(() => {
      this.#isSending = false;
    });
  }

  async #send(): Promise<void> {
    const { log } = this.#parts;
    await this.#extend().catch((error: unknown) => log.error('could not extend leases', { error }));
    await this.#report().catch((error: unknown) =>
      log.error('could not tell that this node lives', { error }),
    );
  }

  async #extend(): Promise<void> {
    const held = this.#active.held();
    if (held.length === 0) return;
    const begunAt = performance.now();
    const rows = await this.#parts.store.extendLeases(this.#active.claims(), this.#parts.leaseMs);
    this.#active.heed(held, rows, begunAt);
  }

  async #report(): Promise<void> {
    const { store, describe, log } = this.#parts;
    const { draining } = await store.seeNode(describe(), this.#isNew);
    this.#isNew = false;
    if (draining !== this.#isDrained)
      log.info(
        draining ? 'drained by an operator: no more jobs are taken' : 'an operator lets jobs in again',
      );
    this.#isDrained = draining;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
