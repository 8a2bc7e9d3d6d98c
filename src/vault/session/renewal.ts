// Renews one token or one lease in time, until it is stopped or Vault extends it no further.

/** What Vault granted: a time to live in milliseconds, and whether it may be renewed again. */
export interface Grant {
  readonly ttlMs: number;
  readonly renewable: boolean;
}

export type RenewalAnswer =
  | ({ readonly kind: 'renewed' } & Grant)
  /** Vault is unavailable, or a renewal must wait: try again until it expires. */
  | { readonly kind: 'later' }
  /** Refused: asking again is pointless. */
  | { readonly kind: 'over' };

const over: RenewalAnswer = { kind: 'over' };

export interface RenewalOptions {
  readonly renew: () => Promise<RenewalAnswer>;
  /** The token or lease can no longer be renewed, and ends at its expiry. */
  readonly onOver?: () => void;
  readonly random?: () => number;
}

/** Node's timers hold 31 bits of milliseconds and fire at once beyond that: a grant of a month would be renewed in a loop. */
const longestTimerMs = 2 ** 31 - 1;
const shortestTimerMs = 250;
/** A renewal that extends the time by less has reached the longest time to live that Vault allows. */
const leastGainMs = 1_000;

/**
 * Renews a token or a lease when two thirds of its time have passed, retries until it expires, and stops when a
 * renewal no longer extends it. Disposing stops it; a request under way is not waited for.
 */
export class Renewal implements Disposable {
  readonly #options: RenewalOptions;
  #expiresAt: number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #ended = false;

  constructor(grant: Grant, options: RenewalOptions) {
    this.#options = options;
    this.#expiresAt = performance.now() + grant.ttlMs;
    if (grant.renewable && grant.ttlMs > 0) this.#schedule();
    else this.#ended = true;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** When the next renewal is due, in milliseconds; undefined: never. */
  get dueInMs(): number | undefined {
    return this.#ended ? undefined : Math.max(0, this.#dueAt - performance.now());
  }

  get #remainingMs(): number {
    return this.#expiresAt - performance.now();
  }

  #schedule(): void {
    const delayMs = renewalDelayMs(this.#remainingMs, this.#options.random ?? Math.random);
    this.#dueAt = performance.now() + delayMs;
    this.#timer = setTimeout(() => void this.#renew(), delayMs);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    if (this.#remainingMs <= 0) return this.#stop();
    const askedAt = performance.now();
    const answer = await this.#options.renew().catch(() => over); // A bug in `renew` must not end the process.
    if (this.#ended) return;
    if (answer.kind === 'over') return this.#stop();
    if (answer.kind === 'renewed' && !this.#accept(answer, askedAt)) return this.#stop();
    this.#schedule();
  }

  /** Counted from the time of the request: Vault granted it later, so the real expiry is never earlier. */
  #accept(grant: Grant, askedAt: number): boolean {
    const expiresAt = askedAt + grant.ttlMs;
    const gained = expiresAt - this.#expiresAt;
    this.#expiresAt = expiresAt;
    return grant.renewable && gained >= leastGainMs;
  }

  #stop(): void {
    this.#ended = true;
    this.#options.onOver?.();
  }
}

/** Two thirds of the remaining time, up to a tenth earlier, so that grants made together are not renewed together. */
export function renewalDelayMs(remainingMs: number, random: () => number): number {
  const delayMs = ((remainingMs * 2) / 3) * (1 - random() / 10);
  return Math.min(longestTimerMs, Math.max(shortestTimerMs, Math.round(delayMs)));
}
