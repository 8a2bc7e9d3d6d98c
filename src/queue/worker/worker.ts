// The main loop of a node: claims ready jobs while slots are free, and runs them.
import type { ExecutorParts } from '../../executor/run.js';
import type { MemoryBudget } from '../../job/payload/memory-budget.js';
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

/** What a worker needs, and its limits. */
export interface WorkerParts {
  readonly store: Store;
  readonly executor: ExecutorParts;
  readonly sealKey: Buffer;
  /** This node's id. */
  readonly node: string;
  /** What each heartbeat reports: the program's version, and the engine's own id once that is known. */
  readonly describe: () => { readonly version: string; readonly engineId: string | undefined };
  /** How many jobs may be active on this node at once. */
  readonly slots: number;
  /** How many of one owner; 0 or without one: any number. */
  readonly ownerSlots?: number;
  readonly leaseMs: number;
  /** How long a queue is held at most when the engine gave no answer and the container may still run. */
  readonly holdLimitMs: number;
  /** How long a stopped job may take to be stopped and recorded before `drain` no longer waits for it. */
  readonly recordMs?: number;
  /** Decides whether jobs may be claimed now, and gets the outcome of each. Without one they always may be. */
  readonly breaker?: Pick<ClaimBreaker, 'openReason' | 'recordOutcome'> | undefined;
  /** For the large requests of all jobs that run here; without one any number of them runs at once. */
  readonly memory?: MemoryBudget | undefined;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
  /** Below which jobs may have files for their output; undefined: none are written. */
  readonly outputRoot?: string | undefined;
  /** A job became ready that this node may not take itself. */
  readonly notifyReady: () => void;
  /** A child of this parent has ended, or has made the login that all share. */
  readonly onChildChanged?: ((parent: string) => void) | undefined;
  readonly log: WorkerLog;
}

/** A sweep finds ready jobs whose notification was missed. */
const pollMs = 1_500;
/** A claim that was given up may still take effect: it may wait for a connection, and then run as long as the server lets it. */
const lateClaimMs = 12_000;
/** Far longer than a container takes to stop: only an outage of Postgres needs it. */
const defaultRecordMs = 60_000;

/** The loop of one node: free slot, claim, execute, record. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #active = new ActiveJobs();
  readonly #heartbeat: Heartbeat;
  readonly #shutdown: Shutdown;
  #poll: NodeJS.Timeout | undefined;
  /** Kills that arrived while a claim was in progress: the job may be in its answer. */
  readonly #earlyKills = new Set<string>();
  #filling: Promise<void> | undefined;
  #shouldFillAgain = false;
  /** Until then this node may hold jobs that it does not know: the reply to a claim was lost. */
  #unsureUntil = 0;
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

  /** Shows the other nodes that this one is alive. It claims no job yet. */
  startHeartbeat(): void {
    this.#heartbeat.start();
  }

  /**
   * Resumes the adopted jobs and begins to claim; before this call no notification leads to a claim. To be called once the
   * other jobs of the previous process of this node are settled.
   */
  start(adopted: readonly AdoptedRow[] = []): void {
    this.#started = true;
    const adoptedAt = performance.now();
    for (const row of adopted)
      this.#begin(row, adoptedAt, (activeJob) => runAdopted(row, activeJob, this.#runParts()));
    this.startHeartbeat();
    this.#poll = setInterval(() => this.wake(), pollMs);
    this.wake();
  }

  /** True when this node claims no more jobs: because it shuts down, or because an operator drained it. */
  get draining(): boolean {
    return this.#shutdown.hasBegun || this.#heartbeat.isDrained;
  }

  get isShuttingDown(): boolean {
    return this.#shutdown.hasBegun;
  }

  /** Claims jobs now. Calls during a claim lead to one more claim afterwards. */
  wake(): void {
    if (!this.#started) return;
    this.#shouldFillAgain = true;
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
      if (this.#shouldFillAgain) this.wake();
    });
  }

  /** Kills a job of this node; has no effect when the job is not here. */
  kill(jobId: string): void {
    if (!this.#active.kill(jobId) && this.#filling !== undefined) this.#earlyKills.add(jobId);
  }

  /** Something was sent to the standard input of a job; without an id: perhaps to any, and the notification was missed. */
  ringInput(jobId?: string): void {
    this.#active.ringInput(jobId);
  }

  /**
   * Claims no more jobs and waits for the running ones; those that take longer are stopped. What cannot be recorded
   * because Postgres is unavailable is settled by the next process of this node.
   */
  async drain(timeoutMs: number): Promise<void> {
    await this.#shutdown.drain(timeoutMs);
    this.#stopTimers();
  }

  /**
   * Claims no more jobs and waits for the running ones; those that take longer are `detached`: their containers run on, and
   * the process must end without disposing of anything, so that the next one can adopt them.
   */
  async finish(timeoutMs: number): Promise<'finished' | 'detached'> {
    const end = await this.#shutdown.finish(timeoutMs);
    this.#stopTimers();
    return end;
  }

  /** Ends `finish` early: at once for running jobs; jobs that have spent their credentials get `limitMs` to start. */
  detach(limitMs: number): void {
    this.#shutdown.detach(limitMs);
  }

  /** Stops every active job now, and those that a claim in progress brings. */
  stopAll(): void {
    this.#shutdown.stopAll();
  }

  #stopTimers(): void {
    clearInterval(this.#poll);
    this.#heartbeat[Symbol.dispose]();
  }

  async #fill(): Promise<void> {
    while (this.#shouldFillAgain) {
      this.#shouldFillAgain = false;
      const claimedAt = performance.now();
      const rows = await this.#claim();
      for (const row of rows)
        this.#begin(row, claimedAt, (activeJob) => runClaimed(row, activeJob, this.#runParts()));
      if (this.#ownerSlots > 0 && rows.length > 0) this.#shouldFillAgain = true;
      this.#earlyKills.clear();
    }
  }

  /** Never throws: a failed claim is only logged, and the poll tries again. */
  async #claim(): Promise<ClaimedRow[]> {
    const { store, node, leaseMs, breaker, log } = this.#parts;
    const limit = this.#claimLimit();
    if (limit <= 0 || this.#shutdown.hasBegun || breaker?.openReason() !== undefined) return [];
    try {
      await this.#returnUnknownJobs();
      return await store.claimJobs({ node, limit, leaseMs, without: this.#fullOwners() });
    } catch (error) {
      this.#unsureUntil = performance.now() + lateClaimMs;
      log.error('could not claim jobs', { error });
      return [];
    }
  }

  get #ownerSlots(): number {
    return this.#parts.ownerSlots ?? 0;
  }

  /** One by one where it matters whose the last one was. */
  #claimLimit(): number {
    const free = this.#parts.slots - this.#active.size;
    return this.#ownerSlots > 0 ? Math.min(1, free) : free;
  }

  #fullOwners(): string[] {
    return this.#ownerSlots > 0 ? this.#active.ownersOf(this.#ownerSlots) : [];
  }

  /** Again until no lost claim can take effect any more, and once more after that. */
  async #returnUnknownJobs(): Promise<void> {
    if (this.#unsureUntil === 0) return;
    const isLast = performance.now() > this.#unsureUntil;
    await this.#parts.store.settleOwnJobs(this.#parts.node, this.#active.claims(), 'unsure');
    if (isLast) this.#unsureUntil = 0;
  }

  #begin(
    row: { id: string; fence: string; ownerKey: string },
    since: number,
    run: (activeJob: ActiveJob) => Promise<void>,
  ): void {
    const { node, leaseMs } = this.#parts;
    const activeJob = new ActiveJob({ id: row.id, fence: row.fence, node }, leaseMs, since);
    if (this.#earlyKills.has(row.id)) activeJob.stop.request('kill');
    this.#shutdown.apply(activeJob);
    void this.#active.add(activeJob, row.ownerKey, run(activeJob)).then(() => this.wake());
  }

  #runParts(): RunParts {
    const onNextReady = () => {
      if (this.draining) this.#parts.notifyReady();
    };
    return { ...this.#parts, onNextReady };
  }
}
