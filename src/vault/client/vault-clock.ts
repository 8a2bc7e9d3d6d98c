// Estimates Vault's clock from the `Date` headers of its answers.

/**
 * The current time at Vault, by the `Date` of its answers. Our own clock may be wrong by an hour, or be changed while we
 * run, and the expiry of a wrapping token is given by Vault's clock.
 *
 * An answer has whole seconds, and was made between request and response. Each answer narrows down the offset between
 * Vault's clock and our monotonic one. If one contradicts the others, Vault's clock was changed: only the last counts.
 */
export class VaultClock {
  #offset: { readonly leastMs: number; readonly mostMs: number } | undefined;

  /** `date` is the header's text; `askedAt` and `answeredAt` come from `performance.now()`. */
  observe(date: string | undefined, askedAt: number, answeredAt: number = performance.now()): void {
    const second = Date.parse(date ?? '');
    if (Number.isNaN(second)) return;
    const seen = { leastMs: second - answeredAt, mostMs: second + 1000 - askedAt };
    const { leastMs, mostMs } = this.#offset ?? seen;
    const both = { leastMs: Math.max(leastMs, seen.leastMs), mostMs: Math.min(mostMs, seen.mostMs) };
    this.#offset = both.leastMs <= both.mostMs ? both : seen;
  }

  /** Milliseconds since 1970; from our own clock before the first answer. */
  now(): number {
    if (this.#offset === undefined) return Date.now();
    return performance.now() + (this.#offset.leastMs + this.#offset.mostMs) / 2;
  }
}
