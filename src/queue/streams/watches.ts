// Tells readers when a job that they follow has more output or has ended: one statement for all of them, in turns.
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../store/store.js';
import type { WatchedJob, WatchedNews } from '../../store/streams/watch.js';

/** From a chunk's being stored to its reader, at most. */
const intervalMs = 200;

interface Waiting extends WatchedJob {
  readonly tell: (news: WatchedNews) => void;
}

/** Asks while somebody waits, and not otherwise: a reader that is sent something is no reader that waits. */
export class Watches {
  readonly #store: Pick<Store, 'readWatched'>;
  readonly #waiting = new Set<Waiting>();
  #isAsking = false;

  constructor(store: Pick<Store, 'readWatched'>) {
    this.#store = store;
  }

  /** Resolves when there is a chunk from this number on, or the job has ended; undefined once the signal has fired. */
  async news(watched: WatchedJob, signal: AbortSignal): Promise<WatchedNews | undefined> {
    if (signal.aborted) return undefined;
    let waiting: Waiting | undefined;
    let onAbort: (() => void) | undefined;
    const told = new Promise<WatchedNews | undefined>((resolve) => {
      waiting = { ...watched, tell: resolve };
      onAbort = () => resolve(undefined);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
    if (!this.#isAsking) void this.#ask();
    try {
      return await told;
    } finally {
      if (waiting !== undefined) this.#waiting.delete(waiting);
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.size > 0) {
      const asked = [...this.#waiting];
      const found = await this.#store.readWatched(asked).catch(() => []); // Postgres will be there again.
      this.#tell(asked, new Map(found.map((news) => [keyOf(news), news])));
      await delay(intervalMs);
    }
    this.#isAsking = false;
  }

  #tell(asked: readonly Waiting[], news: ReadonlyMap<string, WatchedNews>): void {
    for (const waiting of asked) {
      const found = news.get(keyOf(waiting));
      if (found !== undefined) waiting.tell(found);
    }
  }
}

function keyOf({ id, pipe, seq }: WatchedJob): string {
  return `${id} ${pipe} ${seq}`;
}
