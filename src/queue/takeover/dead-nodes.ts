// Settles the jobs of nodes that died, and ends holds once the lost container is proven gone.
import type { LossRules, Settled } from '../../store/jobs/settle.js';
import type { ListedHold } from '../../store/queues/holds.js';
import type { Store } from '../../store/store.js';
import { runPeriodically } from '../maintenance/periodic.js';
import type { WorkerLog } from '../worker/worker-log.js';

export interface DeadNodeSweepParts extends LossRules {
  readonly store: Pick<Store, 'settleDeadJobs' | 'listHolds' | 'endHold' | 'endDueHolds'>;
  readonly node: string;
  readonly leaseMs: number;
  /** The id of this node's engine; undefined when it does not answer. Never throws. */
  readonly engineId: () => Promise<string | undefined>;
  /** Removes a job's containers from this node's engine and returns their number; throws when that is not certain. */
  readonly removeJob: (jobId: string) => Promise<number>;
  /** Jobs were lost: their tokens may still be valid. */
  readonly onLost: () => void;
  /** Jobs became ready: for this node and the others. */
  readonly wake: () => void;
  readonly log: WorkerLog;
}

const longestIntervalMs = 5_000;

/**
 * Every live node runs this sweep. It settles the jobs of dead nodes after a grace. It ends the hold of a queue once the
 * container of the lost job is proven gone, or the time of the hold is over. The statements ensure that each job is settled
 * once and each hold is ended once, however many nodes try.
 */
export class DeadNodeSweep implements AsyncDisposable {
  readonly #parts: DeadNodeSweepParts;
  readonly #contact: Contact;
  /** Jobs whose container this node removed. Kept until the end of the hold is recorded, which may need several tries. */
  readonly #proven = new Set<string>();
  /** Two independent sweeps, because an engine that hangs must not delay settling the jobs of dead nodes. */
  readonly #sweeps: readonly AsyncDisposable[];

  constructor(parts: DeadNodeSweepParts) {
    this.#parts = parts;
    const intervalMs = Math.min(longestIntervalMs, parts.graceMs / 3);
    this.#contact = new Contact(intervalMs);
    const onError = (error: unknown) => this.#fail(error);
    this.#sweeps = [() => this.#settleAndRelease(), () => this.#endProvenHolds()].map((round) =>
      runPeriodically({ firstMs: 0, intervalMs, round, onError }),
    );
  }

  #fail(error: unknown): void {
    this.#contact.lost();
    this.#parts.log.error('could not settle the jobs of dead nodes or end their holds', { error });
  }

  /**
   * A node that could not reach Postgres cannot know whether the others could. So after an outage of Postgres, or a pause
   * of this process, nothing is settled until the other nodes had a lease's time to send a heartbeat.
   */
  async #settleAndRelease(): Promise<void> {
    const { store, node, graceMs, leaseMs, log, wake } = this.#parts;
    const othersHadTime = this.#contact.ageMs > Math.max(graceMs, leaseMs);
    const settled = othersHadTime ? await store.settleDeadJobs(node, this.#parts) : [];
    this.#report(settled);
    const due = await store.endDueHolds(node);
    this.#contact.made();
    if (due.ended > 0)
      log.error('holds ended by their time limit: lost jobs may still run', { queues: due.ended });
    if (due.nextReady || settled.some(({ state, next }) => state === 'queued' || next !== null)) wake();
  }

  #report(settled: readonly Settled[]): void {
    for (const { id, state } of settled)
      this.#parts.log.info('settled a job of a dead node', { jobId: id, state });
    if (settled.some(({ state }) => state === 'lost')) this.#parts.onLost();
  }

  async #endProvenHolds(): Promise<void> {
    const { store, node, engineId } = this.#parts;
    for (const hold of await store.listHolds(node, await engineId())) await this.#endIfProven(hold);
  }

  async #endIfProven(hold: ListedHold): Promise<void> {
    const { store, node, log, wake } = this.#parts;
    if (!(await this.#isProven(hold))) return;
    const { nextReady } = await store.endHold(hold, node);
    this.#proven.delete(hold.jobId);
    log.info('hold ended: the container of the lost job is gone', { ...hold });
    if (nextReady) wake();
  }

  /**
   * An engine that does not answer proves nothing, nor does one that never saw the container: engines that were copied
   * with their machine, or share `/etc/docker`, have the same id. The lost node itself knows which engine it had.
   */
  async #isProven({ jobId, isOwn }: ListedHold): Promise<boolean> {
    try {
      if ((await this.#parts.removeJob(jobId)) > 0) this.#proven.add(jobId);
      return isOwn || this.#proven.has(jobId);
    } catch (error) {
      this.#parts.log.error('could not remove the container of a lost job', { jobId, error });
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sweeps.map((sweep) => sweep[Symbol.asyncDispose]()));
  }
}

/** How long Postgres was reached without a gap. A gap is a failure, or much more time between two contacts than planned. */
class Contact {
  readonly #intervalMs: number;
  #since = performance.now();
  #last = this.#since;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  get ageMs(): number {
    this.#detectGap();
    return performance.now() - this.#since;
  }

  made(): void {
    this.#detectGap();
    this.#last = performance.now();
  }

  lost(): void {
    this.#since = performance.now();
    this.#last = this.#since;
  }

  #detectGap(): void {
    if (performance.now() - this.#last > 3 * this.#intervalMs + toleranceMs) this.lost();
  }
}

/** Delays of a busy machine that do not count as a gap. */
const toleranceMs = 1_000;
