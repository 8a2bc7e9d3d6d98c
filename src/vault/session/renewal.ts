/** What Vault granted: a life time in milliseconds, and whether it may be extended again. */
export interface Grant {
  readonly ttlMs: number;
  readonly renewable: boolean;
}

export type RenewalAnswer =
  | ({ readonly kind: 'renewed' } & Grant)
  /** Vault is away, or now is not the time: to be tried again while there is life. */
  | { readonly kind: 'later' }
  /** Refused: it makes no sense to ask again. */
  | { readonly kind: 'over' };

const over: RenewalAnswer = { kind: 'over' };

export interface RenewalOptions {
  readonly renew: () => Promise<RenewalAnswer>;
  /** The thing will end at its time although it was to be kept alive. */
  readonly onOver?: () => void;
  readonly random?: () => number;
}

/** Node counts 32 bits of milliseconds and fires at once beyond that: renewing a month's grant would never stop. */
const longestTimerMs = 2 ** 31 - 1;
const shortestTimerMs = 250;
/** A renewal that brings less than this has met the longest life time that Vault allows. */
const leastGainMs = 1_000;

/**
 * Keeps a token or a lease alive: renews it when two thirds of its time have gone, goes on trying until it expires, and
 * stops when a renewal brings nothing more. Disposing ends it; a request on its way is not waited for.
 */
export class Renewal implements Disposable {
  readonly #options: RenewalOptions;
  #expiresAt: number;
  #timer: NodeJS.Timeout | undefined;
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

  get #remainingMs(): number {
    return this.#expiresAt - performance.now();
  }

  #schedule(): void {
    const delayMs = renewalDelayMs(this.#remainingMs, this.#options.random ?? Math.random);
    this.#timer = setTimeout(() => void this.#renew(), delayMs);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    if (this.#remainingMs <= 0) return this.#stop();
    const asked = performance.now();
    const answer = await this.#options.renew().catch(() => over); // A bug in there must not end the process.
    if (this.#ended) return;
    if (answer.kind === 'over') return this.#stop();
    if (answer.kind === 'renewed' && !this.#accept(answer, asked)) return this.#stop();
    this.#schedule();
  }

  /** Counted from when it was asked for: Vault granted it later, so we err on the safe side. */
  #accept(grant: Grant, asked: number): boolean {
    const expiresAt = asked + grant.ttlMs;
    const gained = expiresAt - this.#expiresAt;
    this.#expiresAt = expiresAt;
    return grant.renewable && gained >= leastGainMs;
  }

  #stop(): void {
    this.#ended = true;
    this.#options.onOver?.();
  }
}

/** Two thirds of what is left, up to a tenth earlier, so that what was granted together is not renewed together. */
export function renewalDelayMs(remainingMs: number, random: () => number): number {
  const delayMs = ((remainingMs * 2) / 3) * (1 - random() / 10);
  return Math.min(longestTimerMs, Math.max(shortestTimerMs, Math.round(delayMs)));
}
