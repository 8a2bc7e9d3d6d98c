/** For the time between a look at the clock and the action. */
const marginShare = 0.1;

/**
 * How long a node may take a claim for its own without asking: a lease from the moment its last renewal *began*, less a
 * margin. By a clock that only goes forward, so neither a pause of the process nor somebody who sets the time extends it.
 * After it another node may have taken the job, so nothing may be done that could not be undone.
 */
export class LocalLease {
  readonly #windowMs: number;
  #until: number;

  constructor(leaseMs: number, claimedAt: number) {
    this.#windowMs = leaseMs * (1 - marginShare);
    this.#until = claimedAt + this.#windowMs;
  }

  /** `begunAt` is the `performance.now()` before the renewal was sent, not when its answer came. */
  renewed(begunAt: number): void {
    this.#until = Math.max(this.#until, begunAt + this.#windowMs);
  }

  get holds(): boolean {
    return performance.now() < this.#until;
  }
}
