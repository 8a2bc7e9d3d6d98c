// Counts the uses of a token and reserves the last one for its revocation.

/**
 * How often a token may still be used. Vault revokes a token at its last use, together with every secret it leased, so
 * one use is always kept for the revocation at the end.
 */
export class UseBudget {
  readonly #limit: number;
  #left: number;

  /** `limit` is the number that Vault reports: 0 means no limit. */
  constructor(limit: number) {
    this.#limit = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    this.#left = this.#limit;
  }

  get isLimited(): boolean {
    return Number.isFinite(this.#limit);
  }

  get limit(): number {
    return this.#limit;
  }

  /** Uses taken so far. */
  get spent(): number {
    return this.isLimited ? this.#limit - this.#left : 0;
  }

  /** Uses that may be spent without the one that is kept. */
  get spare(): number {
    return Math.max(0, this.#left - 1);
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** Call it before the request is sent: Vault counts a refused request too. */
  take(): void {
    this.#left -= 1;
  }

  /** Only for a request that certainly did not reach the token, because Vault was sealed or unavailable. */
  refund(): void {
    this.#left += 1;
  }
}
