import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../job/secret.js';

/** The same bound for all: at a few hundred bytes an entry it stays small. */
const mostEntries = 10_000;

interface Entry<T> {
  readonly value: T;
  readonly until: number;
}

/**
 * Remembers something about a secret for a while without keeping the secret: under a hash with a key of this process,
 * so that neither a dump of the memory nor a copy of it elsewhere says which secret it was.
 */
export class KeyedMemory<T> {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, Entry<T>>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Keeps the value for `ms`; the oldest gives way when there are too many. */
  set(secret: Secret, value: T, ms: number): void {
    const name = this.#nameOf(secret);
    this.#entries.delete(name);
    this.#entries.set(name, { value, until: this.#now() + ms });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= mostEntries && entry.until > this.#now()) break;
      this.#entries.delete(oldest);
    }
  }

  get(secret: Secret): T | undefined {
    const entry = this.#entries.get(this.#nameOf(secret));
    return entry !== undefined && entry.until > this.#now() ? entry.value : undefined;
  }

  get size(): number {
    return this.#entries.size;
  }

  #nameOf(secret: Secret): string {
    return createHmac('sha256', this.#key).update(secret.reveal()).digest('base64');
  }
}
