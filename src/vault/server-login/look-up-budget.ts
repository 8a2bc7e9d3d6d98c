// Bounds how often Vault is asked about tokens that it then refuses: from each address, and in all.
import { BrokenError, RefusedError } from '../../job/errors.js';
import type { Secret } from '../../job/secret.js';
import { Allowance } from './allowance.js';
import { KeyedMemory } from './keyed-memory.js';

/** So many refused tokens at once; a tenth of it comes back each second. */
export interface BudgetSettings {
  readonly perAddress: number;
  readonly inAll: number;
}

/** Longer than any client waits between two tries. */
const turnedAwayMs = 60_000;
/** How long a look-up waits for the answers to earlier ones. */
const longestWaitMs = 2_000;
const mostWaiting = 1_000;
const mostAddresses = 10_000;

/** Two lanes with the same bounds. A caller who was turned away and tries again is in one that a flood of new tokens does not fill. */
type Lane = 'new' | 'again';

/**
 * A look-up takes one from the allowance of its address and from that of all, and gives it back unless Vault refuses the
 * token. So callers with good tokens never use it up, however many there are; those beyond it wait a moment for the answers
 * to the others. When refused tokens have used it up, further look-ups are refused with `rate_limited`, without asking.
 */
export class LookUpBudget {
  readonly #settings: BudgetSettings;
  readonly #inAll: Readonly<Record<Lane, Allowance>>;
  /** Least recently used first. */
  readonly #byAddress = new Map<string, Allowance>();
  readonly #turnedAway = new KeyedMemory<true>();
  #waiting = 0;

  constructor(settings: BudgetSettings) {
    this.#settings = settings;
    this.#inAll = { new: new Allowance(settings.inAll), again: new Allowance(settings.inAll) };
  }

  /** Throws what `lookUp` throws; `RefusedError` counts against the budget. */
  async ask<T>(from: { address: string; token: Secret }, lookUp: () => Promise<T>): Promise<T> {
    const lane: Lane = this.#turnedAway.get(from.token) === true ? 'again' : 'new';
    const allowances = [this.#ofAddress(lane, from.address), this.#inAll[lane]];
    if (!(await this.#take(allowances))) {
      this.#turnedAway.set(from.token, true, turnedAwayMs);
      throw rateLimited();
    }
    let isRefused = false;
    try {
      return await lookUp();
    } catch (error) {
      isRefused = error instanceof RefusedError;
      throw error;
    } finally {
      for (const allowance of allowances) allowance.settle(isRefused);
    }
  }

  /** False: it is used up. */
  async #take(allowances: readonly Allowance[]): Promise<boolean> {
    const deadline = performance.now() + longestWaitMs;
    for (;;) {
      const empty = allowances.find((allowance) => allowance.isEmpty);
      if (empty === undefined) break;
      if (!empty.mayRefill || this.#waiting >= mostWaiting) return false;
      if (performance.now() > deadline) throw tooSlow();
      this.#waiting += 1;
      await empty.nextSettled(deadline - performance.now());
      this.#waiting -= 1;
    }
    for (const allowance of allowances) allowance.take();
    return true;
  }

  #ofAddress(lane: Lane, address: string): Allowance {
    const key = `${lane} ${address}`;
    const allowance = this.#byAddress.get(key) ?? new Allowance(this.#settings.perAddress);
    this.#byAddress.delete(key);
    this.#byAddress.set(key, allowance);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > mostAddresses && oldest !== undefined) this.#byAddress.delete(oldest);
    return allowance;
  }
}

function rateLimited(): RefusedError {
  return new RefusedError(
    'rate_limited',
    'Could not check the token: Vault refused too many tokens lately. Try again in some seconds, with a valid token.',
  );
}

function tooSlow(): BrokenError {
  return new BrokenError(
    'vault_unavailable',
    "Could not check the caller's token: Vault has not answered about earlier callers. Try again later.",
  );
}
