// Combines kill, time limit and shutdown of a job into one signal with one reason.
import type { StopReason } from '../job/outcome.js';

/** A job was stopped before its container was started. The steps throw it; `execute` turns it into an outcome. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly by: StopReason;

  constructor(by: StopReason) {
    super(`The job was stopped: ${by}.`);
    this.by = by;
  }
}

/** The first reason wins. */
export class Stop implements Disposable {
  readonly #controller = new AbortController();
  #reason: StopReason | undefined;
  #timer: NodeJS.Timeout | undefined;

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort(new StoppedError(reason));
  }

  /** Starts the time limit of the job. */
  limit(ms: number): void {
    this.#timer = setTimeout(() => this.request('time_limit'), Math.min(ms, 2 ** 31 - 1));
  }

  /** Throws when a stop was requested. Called between steps. */
  check(): void {
    if (this.#reason !== undefined) throw new StoppedError(this.#reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
