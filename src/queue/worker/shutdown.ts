import type { ActiveJob } from './active-job.js';
import type { ActiveJobs } from './active-jobs.js';
import type { WorkerLog } from './worker-log.js';

export interface ShutdownParts {
  readonly active: ActiveJobs;
  /** The claim under way, if there is one: its answer may bring jobs. */
  readonly claiming: () => Promise<void> | undefined;
  /** How long a stopped job may take to be stopped and recorded. */
  readonly recordMs: number;
  readonly log: WorkerLog;
}

/** How long a node that leaves its jobs waits for those that can neither be given back nor be adopted yet. */
const leavingMs = 5_000;

/** How a worker comes to its end: it waits for its jobs, stops them, or leaves them to its next life. */
export class Shutdown {
  readonly #parts: ShutdownParts;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #over = new AbortController();
  #hasBegun = false;
  #isStopping = false;
  #isLeaving = false;

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
  }

  /** From then on no job is claimed. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Waits for the jobs; those that take longer are stopped. */
  async drain(timeoutMs: number): Promise<void> {
    await this.#end(() => this.stopAll(), timeoutMs);
  }

  /** Waits for the jobs; those that take longer are `detached`. */
  async finish(timeoutMs: number): Promise<'finished' | 'detached'> {
    await this.#end(() => this.detach(leavingMs), timeoutMs);
    return this.#parts.active.size === 0 ? 'finished' : 'detached';
  }

  /** Ends `finish` early: at once for what runs, and not later than this for what has spent its credentials. */
  detach(limitMs: number): void {
    this.#isLeaving = true;
    const ready = async () => {
      await this.#parts.claiming();
      await this.#parts.active.detach();
    };
    const late = new Promise<void>((resolve) => this.#timers.push(setTimeout(resolve, limitMs)));
    void Promise.race([ready(), late]).then(() => this.#over.abort());
  }

  /** Stops every running job now, and those of a claim under way. */
  stopAll(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#parts.active.stopAll('shutdown');
    this.#timers.push(setTimeout(() => this.#giveUp(), this.#parts.recordMs).unref());
  }

  /** A job that begins is treated as those that were there. */
  apply(held: ActiveJob): void {
    if (this.#isStopping) held.stop.request('shutdown');
    if (this.#isLeaving) held.detach();
  }

  #giveUp(): void {
    for (const { id } of this.#parts.active.claims())
      this.#parts.log.error('left a job behind that could not be recorded', { jobId: id });
    this.#over.abort();
  }

  async #end(onTimeout: () => void, timeoutMs: number): Promise<void> {
    this.#hasBegun = true;
    const timer = setTimeout(onTimeout, timeoutMs);
    await Promise.race([this.#allDone(), aborted(this.#over.signal)]);
    for (const each of [timer, ...this.#timers]) clearTimeout(each);
  }

  async #allDone(): Promise<void> {
    await this.#parts.claiming();
    await this.#parts.active.allDone();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
