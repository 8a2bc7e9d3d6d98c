// A bound on the memory that large things in work take together.

/** What was taken of a budget for one request or job. May be released more than once. */
export interface Taken {
  /** False: there is not so much left, and nothing was taken. */
  take(bytes: number): boolean;
  release(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly proceed: () => void;
}

/** Who finds all of it free may take more than there is: whatever is allowed by itself can be done, alone. */
export class MemoryBudget {
  readonly #mostBytes: number;
  readonly #waiting: Waiting[] = [];
  #usedBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** For somebody who takes as the need grows, and is refused where there is nothing left. */
  open(): Taken {
    let own = 0;
    const take = (bytes: number) => {
      const others = this.#usedBytes - own;
      if (others > 0 && this.#usedBytes + bytes > this.#mostBytes) return false;
      this.#usedBytes += bytes;
      own += bytes;
      return true;
    };
    const release = () => {
      this.#usedBytes -= own;
      own = 0;
      this.#proceed();
    };
    return { take, release };
  }

  /** For somebody who can wait, in the order of asking. Throws the signal's reason. */
  async wait(bytes: number, signal: AbortSignal): Promise<Taken> {
    signal.throwIfAborted();
    const taken = this.open();
    if (this.#waiting.length === 0 && taken.take(bytes)) return taken;
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.#proceed();
      };
      const proceed = () => {
        taken.take(bytes);
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const waiting = { bytes, proceed };
      this.#waiting.push(waiting);
      signal.addEventListener('abort', stop, { once: true });
    });
    return taken;
  }

  #proceed(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#usedBytes > 0 && this.#usedBytes + next.bytes > this.#mostBytes) return;
      this.#waiting.shift();
      next.proceed();
    }
  }
}
