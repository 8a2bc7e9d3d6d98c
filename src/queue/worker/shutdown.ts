// Ends a worker: drains, stops or detaches its jobs within their time limits.
import type { ActiveJob } from './active-job.js';
import type { ActiveJobs } from './active-jobs.js';
import type { WorkerLog } from './worker-log.js';

export interface ShutdownParts {
  readonly active: ActiveJobs;
  /** The claim in progress, if there is one: its answer may contain jobs. */
  readonly claiming: () => Promise<void> | undefined;
  /** How long a stopped job may take to be stopped and recorded. */
  readonly recordMs: number;
  readonly log: WorkerLog;
}

/** How long a detach waits for jobs that can neither return to the queue nor be adopted yet. */
const detachMs = 5_000;

/** Ends a worker: it waits for its jobs, stops them, or detaches them for the next process to adopt. */
export class Shutdown {
  readonly #parts: ShutdownParts;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #over = new AbortController();
  #hasBegun = false;
  #isStopping = false;
  #isDetaching = false;

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
  }

  /** True from the call of `drain` or `finish` on: no job is claimed any more. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Waits for the jobs; those that take longer are stopped. */
  async drain(timeoutMs: number): Promise<void> {
    await this.#end(() => this.stopAll(), timeoutMs);
  }

  /** Waits for the jobs; those that take longer are `detached`. */
  async finish(timeoutMs: number): Promise<'finished' | 'detached'> {
    await this.#end(() => this.detach(detachMs), timeoutMs);
    return this.#parts.active.size === 0 ? 'finished' : 'detached';
  }

  /** Ends `finish` early: at once for running jobs; jobs that have spent their credentials get `limitMs` to start. */
  detach(limitMs: number): void {
    this.#isDetaching = true;
    const ready = async () => {
      await this.#parts.claiming();
      await this.#parts.active.detach();
    };
    const late = new Promise<void>((resolve) => this.#timers.push(setTimeout(resolve, limitMs)));
    void Promise.race([ready(), late]).then(() => this.#over.abort());
  }

  /** Stops every active job now, and those that a claim in progress brings. */
  stopAll(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#parts.active.stopAll('shutdown');
    this.#timers.push(setTimeout(() => this.#giveUp(), this.#parts.recordMs).unref());
  }

  /** A job that begins during the shutdown is stopped or detached like the others. */
  apply(job: ActiveJob): void {
    if (this.#isStopping) job.stop.request('shutdown');
    if (this.#isDetaching) job.detach();
  }

  #giveUp(): void {
    for (const { id } of this.#parts.active.claims())
      this.#parts.log.error('could not record the end of a job before the shutdown', { jobId: id });
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
