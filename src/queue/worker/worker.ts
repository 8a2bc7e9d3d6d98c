import type { ExecutorParts } from '../../executor/run.js';
import type { AdoptedRow } from '../../store/jobs/adopt.js';
import type { ClaimedRow } from '../../store/jobs/claim.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../maintenance/alarms.js';
import { ActiveJob } from './active-job.js';
import { ActiveJobs } from './active-jobs.js';
import type { ClaimBreaker } from './claim-breaker.js';
import { Heartbeat } from './heartbeat.js';
import { type RunParts, runAdopted, runClaimed } from './run-claimed.js';
import { Shutdown } from './shutdown.js';
import type { WorkerLog } from './worker-log.js';

/** What a worker stands on and how it works. */
export interface WorkerParts {
  readonly store: Store;
  readonly executor: ExecutorParts;
  readonly sealKey: Buffer;
  /** This node's id. */
  readonly node: string;
  /** What it says of itself with each beat: the program's version, and the engine's own id once that is known. */
  readonly describe: () => { readonly version: string; readonly engineId: string | undefined };
  /** How many jobs may be active on this node at once. */
  readonly slots: number;
  readonly leaseMs: number;
  /** How long a queue is held at most for a container that may still run, after its engine gave no answer. */
  readonly holdLimitMs: number;
  /** How long a stopped job may take to be stopped and recorded before `drain` no longer waits for it. */
  readonly recordMs?: number;
  /** Says whether jobs may be taken now, and hears how each ended. Without one they always may. */
  readonly breaker?: Pick<ClaimBreaker, 'mayClaim' | 'recordOutcome'> | undefined;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
  /** A job became ready that this node may not take itself. */
  readonly notifyReady: () => void;
  readonly log: WorkerLog;
}

/** A slow net under the notifier: whatever a nudge missed is found by then. */
const pollMs = 1_500;
/** Far longer than a container takes to stop: only a Postgres that is away needs it. */
const defaultRecordMs = 60_000;

/** The loop of one node: free slot, claim, execute, record. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #active = new ActiveJobs();
  readonly #heartbeat: Heartbeat;
  readonly #shutdown: Shutdown;
  #poll: NodeJS.Timeout | undefined;
  /** Kills that came while a claim was under way: the job may be in its answer. */
  readonly #earlyKills = new Set<string>();
  #filling: Promise<void> | undefined;
  #again = false;
  /** The reply to a claim was lost: there may be jobs that we hold and do not know. */
  #isUnsure = false;
  #started = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { describe, node: id, slots, recordMs = defaultRecordMs, log } = parts;
    const claiming = () => this.#filling;
    this.#shutdown = new Shutdown({ active: this.#active, claiming, recordMs, log });
    this.#heartbeat = new Heartbeat(
      { ...parts, describe: () => ({ ...describe(), id, slots }) },
      this.#active,
    );
  }

  /** Tells the others that this node lives. It takes no job yet. */
  startHeartbeat(): void {
    this.#heartbeat.start();
  }

  /**
   * To be called once what an earlier life of this node held is settled, with what is left of it to go on with; before
   * it no notifier makes it claim.
   */
  start(adopted: readonly AdoptedRow[] = []): void {
    this.#started = true;
    const adoptedAt = performance.now();
    for (const row of adopted) this.#begin(row, adoptedAt, (held) => runAdopted(row, held, this.#runParts()));
    this.startHeartbeat();
    this.#poll = setInterval(() => this.wake(), pollMs);
    this.wake();
  }

  /** It takes no more jobs: because it ends, or because an operator wants it so. */
  get draining(): boolean {
    return this.#shutdown.hasBegun || this.#heartbeat.isDrained;
  }

  /** Looks for work now. Calls while it looks become one more look. */
  wake(): void {
    if (!this.#started) return;
    this.#again = true;
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Ends a job of this node; nothing happens when it is not here. */
  kill(jobId: string): void {
    if (!this.#active.kill(jobId) && this.#filling !== undefined) this.#earlyKills.add(jobId);
  }

  /**
   * Takes no more jobs and waits for the running ones; those that take longer are stopped. What cannot be recorded
   * because Postgres is away is left to the next life of this node, which settles it.
   */
  async drain(timeoutMs: number): Promise<void> {
    await this.#shutdown.drain(timeoutMs);
    this.#rest();
  }

  /**
   * Takes no more jobs and waits for the running ones; those that take longer are `detached`: their containers run on, and
   * the process must end without disposing of anything, so that its next life can adopt them.
   */
  async finish(timeoutMs: number): Promise<'finished' | 'detached'> {
    const end = await this.#shutdown.finish(timeoutMs);
    this.#rest();
    return end;
  }

  /** Ends `finish` early: at once for what runs, and not later than this for what has spent its credentials. */
  detach(limitMs: number): void {
    this.#shutdown.detach(limitMs);
  }

  /** Stops every running job now, and those of a claim under way. */
  stopAll(): void {
    this.#shutdown.stopAll();
  }

  #rest(): void {
    clearInterval(this.#poll);
    this.#heartbeat[Symbol.dispose]();
  }

  async #fill(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const claimedAt = performance.now();
      const rows = await this.#claim();
      for (const row of rows) this.#begin(row, claimedAt, (held) => runClaimed(row, held, this.#runParts()));
      this.#earlyKills.clear();
    }
  }

  /** A failed claim is no news to anybody but the log: the poll tries again. */
  async #claim(): Promise<ClaimedRow[]> {
    const { store, node, slots, leaseMs, breaker, log } = this.#parts;
    const limit = slots - this.#active.size;
    if (limit <= 0 || this.#shutdown.hasBegun || breaker?.mayClaim() !== undefined) return [];
    try {
      if (this.#isUnsure) await store.settleOwnJobs(node, this.#active.claims(), 'unsure');
      this.#isUnsure = false;
      return await store.claimJobs({ node, limit, leaseMs });
    } catch (error) {
      this.#isUnsure = true;
      log.error('could not claim jobs', { error });
      return [];
    }
  }

  #begin(row: { id: string; fence: string }, since: number, run: (held: ActiveJob) => Promise<void>): void {
    const { node, leaseMs } = this.#parts;
    const held = new ActiveJob({ id: row.id, fence: row.fence, node }, leaseMs, since);
    if (this.#earlyKills.has(row.id)) held.stop.request('kill');
    this.#shutdown.apply(held);
    void this.#active.add(held, run(held)).then(() => this.wake());
  }

  #runParts(): RunParts {
    const onNextReady = () => {
      if (this.draining) this.#parts.notifyReady();
    };
    return { ...this.#parts, onNextReady };
  }
}
