// An amount that is used up and comes back with time.

/** Of which it comes back each second. */
const partPerSecond = 0.1;

/** What was taken is in use until it is settled: given back, or used up. */
export class Allowance {
  readonly #most: number;
  readonly #now: () => number;
  #left: number;
  #countedAt: number;
  #inUse = 0;
  readonly #waiting = new Set<() => void>();

  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
    this.#left = most;
    this.#countedAt = now();
  }

  get isEmpty(): boolean {
    const now = this.#now();
    const back = ((now - this.#countedAt) / 1_000) * partPerSecond * this.#most;
    this.#left = Math.min(this.#most - this.#inUse, this.#left + back);
    this.#countedAt = now;
    return this.#left < 1;
  }

  /** Something is in use, and may be given back. */
  get mayRefill(): boolean {
    return this.#inUse > 0;
  }

  take(): void {
    this.#left -= 1;
    this.#inUse += 1;
  }

  settle(isUsedUp: boolean): void {
    this.#inUse -= 1;
    if (!isUsedUp) this.#left += 1;
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when something is settled, at the latest after `ms`. */
  async nextSettled(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
