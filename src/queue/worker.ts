import { type ExecutorParts, execute } from '../executor/execute.js';
import { Stop } from '../executor/stop.js';
import { FencedError } from '../job/errors.js';
import type { ClaimedRow } from '../store/claim.js';
import type { Store } from '../store/store.js';
import { fencedLedger } from './fenced-ledger.js';
import { recordEnd } from './record-end.js';
import { openRequest } from './seal.js';

/** What a worker stands on and how it works. */
export interface WorkerParts {
  readonly store: Store;
  readonly executor: ExecutorParts;
  readonly sealKey: Buffer;
  /** This node's id. */
  readonly node: string;
  /** How many jobs may be active on this node at once. */
  readonly slots: number;
  readonly leaseMs: number;
  /** How long a stopped job may take to be stopped and recorded before `drain` no longer waits for it. */
  readonly recordMs?: number;
  /** A job became ready that this node may not take itself. */
  readonly ringReady: () => void;
  readonly log: WorkerLog;
}

export interface WorkerLog {
  info(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
}

/** A slow net under the bell: whatever a nudge missed is found by then. */
const pollMs = 1_500;
/** Far longer than a container takes to stop: only a Postgres that is away needs it. */
const defaultRecordMs = 60_000;

interface Active {
  readonly row: ClaimedRow;
  readonly stop: Stop;
  readonly done: Promise<void>;
}

/** The loop of one node: free slot, claim, execute, record. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #active = new Map<string, Active>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Kills that came while a claim was under way: the job may be in its answer. */
  readonly #earlyKills = new Set<string>();
  #filling: Promise<void> | undefined;
  #again = false;
  /** The reply to a claim was lost: there may be jobs that we hold and do not know. */
  #isUnsure = false;
  #started = false;
  #draining = false;
  #hurried = false;
  readonly #givenUp = new AbortController();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** To be called once what an earlier life of this node held is settled; before it no bell makes it claim. */
  start(): void {
    this.#started = true;
    this.#timers.push(
      setInterval(() => this.wake(), pollMs),
      setInterval(() => void this.#beat(), this.#parts.leaseMs / 3),
    );
    this.wake();
  }

  get draining(): boolean {
    return this.#draining;
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
    const active = this.#active.get(jobId);
    if (active !== undefined) active.stop.request('kill');
    else if (this.#filling !== undefined) this.#earlyKills.add(jobId);
  }

  /**
   * Takes no more jobs and waits for the running ones; those that take longer are stopped. What cannot be recorded
   * because Postgres is away is left to the next life of this node, which settles it.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    const timer = setTimeout(() => this.hurry(), timeoutMs);
    await Promise.race([this.#allDone(), aborted(this.#givenUp.signal)]);
    clearTimeout(timer);
    for (const each of this.#timers) clearTimeout(each);
  }

  async #allDone(): Promise<void> {
    await this.#filling;
    await Promise.all([...this.#active.values()].map((active) => active.done));
  }

  /** Stops every running job now, and those of a claim under way: the second signal. */
  hurry(): void {
    if (this.#hurried) return;
    this.#hurried = true;
    for (const active of this.#active.values()) active.stop.request('shutdown');
    this.#timers.push(setTimeout(() => this.#giveUp(), this.#parts.recordMs ?? defaultRecordMs).unref());
  }

  #giveUp(): void {
    for (const { row } of this.#active.values())
      this.#parts.log.error('left a job behind that could not be recorded', { jobId: row.id });
    this.#givenUp.abort();
  }

  async #fill(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const rows = await this.#claim();
      for (const row of rows) this.#begin(row);
      this.#earlyKills.clear();
    }
  }

  /** A failed claim is no news to anybody but the log: the poll tries again. */
  async #claim(): Promise<ClaimedRow[]> {
    const { store, node, slots, leaseMs, log } = this.#parts;
    const limit = slots - this.#active.size;
    if (limit <= 0 || this.#draining) return [];
    try {
      if (this.#isUnsure) await store.settleOwnJobs(node, this.#claims());
      this.#isUnsure = false;
      return await store.claimJobs({ node, limit, leaseMs });
    } catch (error) {
      this.#isUnsure = true;
      log.error('could not claim jobs', { error });
      return [];
    }
  }

  #claims(): ClaimedRow[] {
    return [...this.#active.values()].map((active) => active.row);
  }

  #begin(row: ClaimedRow): void {
    const stop = new Stop();
    if (this.#earlyKills.has(row.id)) stop.request('kill');
    if (this.#hurried) stop.request('shutdown');
    const done = this.#work(row, stop).finally(() => {
      stop[Symbol.dispose]();
      if (this.#active.get(row.id)?.stop === stop) this.#active.delete(row.id);
      this.wake();
    });
    this.#active.set(row.id, { row, stop, done });
  }

  async #work(row: ClaimedRow, stop: Stop): Promise<void> {
    const { log } = this.#parts;
    log.info('job claimed', { jobId: row.id, queue: row.queue });
    try {
      await this.#runAndRecord(row, stop);
    } catch (error) {
      if (error instanceof FencedError) log.info('claim lost, standing down', { jobId: row.id });
      else log.error('could not record the end of a job', { jobId: row.id, error });
    }
  }

  async #runAndRecord(row: ClaimedRow, stop: Stop): Promise<void> {
    const { store, executor, log } = this.#parts;
    const ledger = fencedLedger(store, { ...row, node: this.#parts.node }, stop);
    const open = () => openRequest(this.#parts.sealKey, row, row.sealed);
    const execution = await execute({ job: { ...row, open }, ledger, stop }, executor);
    const end = await recordEnd(store, row, execution);
    log.info('job recorded', { jobId: row.id, ...end.shown });
    if (end.nextReady && this.#draining) this.#parts.ringReady();
  }

  /** Extends the leases; a claim that is not confirmed is lost, a kill that was missed is found here. */
  async #beat(): Promise<void> {
    if (this.#active.size === 0) return;
    const { store, leaseMs, log } = this.#parts;
    const asked = [...this.#active.values()];
    try {
      const rows = await store.extendLeases(this.#claims(), leaseMs);
      const ours = new Map(rows.map((row) => [row.fence, row]));
      for (const active of asked) this.#heed(active, ours.get(active.row.fence)?.killRequested);
    } catch (error) {
      log.error('could not extend leases', { error });
    }
  }

  #heed(active: Active, killRequested: boolean | undefined): void {
    if (!this.#active.has(active.row.id)) return;
    if (killRequested === undefined) active.stop.request('fenced');
    else if (killRequested) active.stop.request('kill');
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
