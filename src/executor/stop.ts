import type { StopReason } from '../job/outcome.js';

/** A job was stopped before it had a container that could end. Thrown by steps, caught at the recipe's border. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly by: StopReason;

  constructor(by: StopReason) {
    super(`The job was stopped: ${by}.`);
    this.by = by;
  }
}

/** Kill, time limit and shutdown as one signal with one reason: the first one wins. */
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

  /** Starts the clock of the job's run time. */
  limit(ms: number): void {
    this.#timer = setTimeout(() => this.request('time_limit'), Math.min(ms, 2 ** 31 - 1));
  }

  /** Throws when somebody asked for the end: called between steps. */
  check(): void {
    if (this.#reason !== undefined) throw new StoppedError(this.#reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
