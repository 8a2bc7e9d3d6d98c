// Tells from the local clock alone whether a claim is certainly still ours.
/** Share of the lease kept back for the time between the check and the action. */
const marginShare = 0.1;

/**
 * How long a node may rely on a claim without asking the database: one lease from the moment its last renewal *began*, less
 * a margin. It uses a monotonic clock, so neither a pause of the process nor a change of the system time extends it. After
 * it another node may have taken the job, so nothing may be done that cannot be undone.
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
