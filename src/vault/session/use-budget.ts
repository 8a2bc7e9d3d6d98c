/**
 * How often a token may still be used. Vault revokes a token with its last use, and every secret it leased with it, so
 * one use is always kept for the revocation at the end, whatever else is asked for.
 */
export class UseBudget {
  readonly #limit: number;
  #left: number;

  /** `limit` as Vault says it: 0 means that there is none. */
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

  /** Uses that went so far. */
  get spent(): number {
    return this.isLimited ? this.#limit - this.#left : 0;
  }

  /** Uses that may be spent before the one that is kept. */
  get spare(): number {
    return Math.max(0, this.#left - 1);
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** To be called before the request goes out: a refused request counts in Vault too. */
  take(): void {
    this.#left -= 1;
  }

  /** For a request that surely did not reach the token: Vault was sealed or away. */
  giveBack(): void {
    this.#left += 1;
  }
}
