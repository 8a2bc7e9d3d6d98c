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
  /** Removes what is left of a job at this node's engine and counts it; throws when that is not known. */
  readonly removeJob: (jobId: string) => Promise<number>;
  /** Jobs were lost: their tokens may live on. */
  readonly onLost: () => void;
  /** Jobs became ready: for this node and the others. */
  readonly wake: () => void;
  readonly log: WorkerLog;
}

const longestPauseMs = 5_000;

/**
 * What each living node does for those that died: it settles their jobs after a grace, and lets queues go on that waited
 * for a lost job's container, once that is proven gone or its time is over. All nodes do so; the statements see to it
 * that each thing is done once.
 */
export class DeadNodeSweep implements AsyncDisposable {
  readonly #parts: DeadNodeSweepParts;
  readonly #contact: Contact;
  /** Jobs whose container this node removed, should the end of the hold not be recorded at once. */
  readonly #proven = new Set<string>();
  /** An engine that hangs must not keep us from the jobs of dead nodes: the two sweeps run side by side. */
  readonly #sweeps: readonly AsyncDisposable[];

  constructor(parts: DeadNodeSweepParts) {
    this.#parts = parts;
    const intervalMs = Math.min(longestPauseMs, parts.graceMs / 3);
    this.#contact = new Contact(intervalMs);
    const onError = (error: unknown) => this.#fail(error);
    this.#sweeps = [() => this.#settleAndRelease(), () => this.#endProvenHolds()].map((round) =>
      runPeriodically({ firstMs: 0, intervalMs, round, onError }),
    );
  }

  #fail(error: unknown): void {
    this.#contact.lost();
    this.#parts.log.error('could not look after nodes that are gone', { error });
  }

  /**
   * Whoever could not reach Postgres cannot tell whether the others could: after a Postgres that was away, or a pause of
   * this process, the other nodes get a lease's time to show that they live.
   */
  async #settleAndRelease(): Promise<void> {
    const { store, node, graceMs, leaseMs, log, wake } = this.#parts;
    const isSure = this.#contact.ageMs > Math.max(graceMs, leaseMs);
    const settled = isSure ? await store.settleDeadJobs(node, this.#parts) : [];
    this.#tell(settled);
    const due = await store.endDueHolds(node);
    this.#contact.made();
    if (due.ended > 0) log.error('queues go on though a lost job may still run', { queues: due.ended });
    if (due.nextReady || settled.some(({ state, next }) => state === 'queued' || next !== null)) wake();
  }

  #tell(settled: readonly Settled[]): void {
    for (const { id, state } of settled)
      this.#parts.log.info('settled a job of a node that is gone', { jobId: id, state });
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
    log.info('the container of a lost job is gone, its queue goes on', { ...hold });
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

/** For how long one was in contact, without a gap that is much longer than the pause between two contacts. */
class Contact {
  readonly #pauseMs: number;
  #since = performance.now();
  #last = this.#since;

  constructor(pauseMs: number) {
    this.#pauseMs = pauseMs;
  }

  get ageMs(): number {
    this.#notice();
    return performance.now() - this.#since;
  }

  made(): void {
    this.#notice();
    this.#last = performance.now();
  }

  lost(): void {
    this.#since = performance.now();
    this.#last = this.#since;
  }

  #notice(): void {
    if (performance.now() - this.#last > 3 * this.#pauseMs + slackMs) this.lost();
  }
}

/** A busy machine is no pause. */
const slackMs = 1_000;
