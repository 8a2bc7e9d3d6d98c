// Sends the heartbeat: extends the leases of active jobs and reports that the node is alive.
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

/** Sends three heartbeats in the time of a lease, also when the node has no job. Never two at once. */
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

  /** An operator drained this node. Updated with every heartbeat; the claim itself asks the database. */
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
      log.error('could not record the heartbeat of this node', { error }),
    );
  }

  async #extend(): Promise<void> {
    const jobs = this.#active.all();
    if (jobs.length === 0) return;
    const begunAt = performance.now();
    const rows = await this.#parts.store.extendLeases(this.#active.claims(), this.#parts.leaseMs);
    this.#active.applyRenewal(jobs, rows, begunAt);
  }

  async #report(): Promise<void> {
    const { store, describe, log } = this.#parts;
    const { draining } = await store.seeNode(describe(), this.#isNew);
    this.#isNew = false;
    if (draining !== this.#isDrained)
      log.info(
        draining
          ? 'drained by an operator: no more jobs are taken'
          : 'an operator ended the drain: jobs are taken again',
      );
    this.#isDrained = draining;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
