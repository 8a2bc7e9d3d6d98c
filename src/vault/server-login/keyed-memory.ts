// A bounded cache in memory whose keys are secrets, stored only as keyed hashes.

import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../job/secret.js';

/** One limit for all uses: at a few hundred bytes an entry it stays small. */
const mostEntries = 10_000;

interface Entry<T> {
  readonly value: T;
  readonly until: number;
}

/**
 * Remembers a value about a secret for a limited time without keeping the secret. The key is an HMAC with a random key
 * of this process, so that a dump of the memory or a copy of it does not reveal which secret it was.
 */
export class KeyedMemory<T> {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, Entry<T>>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Keeps the value for `ms` milliseconds; the oldest entries are dropped when there are too many. */
  set(secret: Secret, value: T, ms: number): void {
    const hash = this.#hashOf(secret);
    this.#entries.delete(hash);
    this.#entries.set(hash, { value, until: this.#now() + ms });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= mostEntries && entry.until > this.#now()) break;
      this.#entries.delete(oldest);
    }
  }

  get(secret: Secret): T | undefined {
    const entry = this.#entries.get(this.#hashOf(secret));
    return entry !== undefined && entry.until > this.#now() ? entry.value : undefined;
  }

  delete(secret: Secret): void {
    this.#entries.delete(this.#hashOf(secret));
  }

  get size(): number {
    return this.#entries.size;
  }

  #hashOf(secret: Secret): string {
    return createHmac('sha256', this.#key).update(secret.reveal()).digest('base64');
  }
}
