/** One piece of work under way and those who wait for it. */
interface Shared {
  readonly result: Promise<string>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Does one thing at a time under each name: whoever asks for the same while it is under way waits with the others.
 * Who gives up leaves alone; the work ends only when nobody waits any more.
 */
export class SharedWork {
  readonly #underWay = new Map<string, Shared>();

  async run(
    name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<string>,
  ): Promise<string> {
    signal.throwIfAborted();
    const shared = this.#underWay.get(name) ?? this.#start(name, work);
    shared.waiting++;
    try {
      return await Promise.race([shared.result, rejectOnAbort(signal)]);
    } finally {
      if (--shared.waiting === 0) this.#end(name, shared);
    }
  }

  #start(name: string, work: (signal: AbortSignal) => Promise<string>): Shared {
    const controller = new AbortController();
    const shared: Shared = { result: work(controller.signal), controller, waiting: 0 };
    shared.result.catch(() => undefined); // The last one to wait may have left before it fails.
    this.#underWay.set(name, shared);
    return shared;
  }

  /** Also after success: whoever comes now must not be told of a result that may be old. */
  #end(name: string, shared: Shared): void {
    if (this.#underWay.get(name) === shared) this.#underWay.delete(name);
    shared.controller.abort(new Error('Nobody waits for this any more.'));
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
