// Lets concurrent callers with the same key share one piece of work.
import { followSignal, rejectOnAbort } from '../engine/signals.js';

/** One piece of work in progress, and how many callers wait for it. */
interface Shared<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Runs one piece of work per name at a time: a caller with the same name waits for the work in progress. A caller that
 * is aborted leaves without disturbing the others; the work is aborted only when no caller waits any more.
 */
export class SharedWork<T> {
  readonly #inProgress = new Map<string, Shared<T>>();

  async run(name: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#inProgress.get(name) ?? this.#start(name, work);
    shared.waiting++;
    const over = new AbortController();
    const unfollow = followSignal(signal, over);
    try {
      return await Promise.race([shared.result, rejectOnAbort(over.signal)]);
    } finally {
      unfollow();
      if (--shared.waiting === 0) this.#end(name, shared);
    }
  }

  #start(name: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const controller = new AbortController();
    const shared: Shared<T> = { result: work(controller.signal), controller, waiting: 0 };
    // Avoids an unhandled rejection: the last caller may have left before it fails.
    shared.result.catch(() => undefined);
    this.#inProgress.set(name, shared);
    return shared;
  }

  /** Also after success: a later caller must not get a result that may be out of date. */
  #end(name: string, shared: Shared<T>): void {
    if (this.#inProgress.get(name) === shared) this.#inProgress.delete(name);
    shared.controller.abort(new Error('No caller waits for this any more.'));
  }
}
