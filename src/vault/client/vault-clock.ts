/**
 * What time it is at Vault, by the `Date` of its answers: ours may be wrong by an hour, or be set while we run, and a
 * wrap's end is dated by Vault.
 *
 * An answer tells whole seconds, and was made between asking and hearing. Each narrows down how far Vault's clock is from
 * one of ours that nobody can set, until one contradicts: then Vault's clock was set, and only the last one counts.
 */
export class VaultClock {
  #offset: { readonly leastMs: number; readonly mostMs: number } | undefined;

  /** `date` is the header's text; `askedAt` and `heardAt` are of `performance.now()`. */
  see(date: string | undefined, askedAt: number, heardAt: number = performance.now()): void {
    const second = Date.parse(date ?? '');
    if (Number.isNaN(second)) return;
    const seen = { leastMs: second - heardAt, mostMs: second + 1000 - askedAt };
    const { leastMs, mostMs } = this.#offset ?? seen;
    const both = { leastMs: Math.max(leastMs, seen.leastMs), mostMs: Math.min(mostMs, seen.mostMs) };
    this.#offset = both.leastMs <= both.mostMs ? both : seen;
  }

  /** Milliseconds since 1970; by our own clock before the first answer. */
  now(): number {
    if (this.#offset === undefined) return Date.now();
    return performance.now() + (this.#offset.leastMs + this.#offset.mostMs) / 2;
  }
}
