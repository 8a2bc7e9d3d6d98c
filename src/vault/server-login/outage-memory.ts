// Remembers callers whom Vault accepted a short time ago, for times when it cannot answer.
import { RefusedError } from '../../job/errors.js';
import type { Caller } from '../../job/owner.js';
import type { Secret } from '../../job/secret.js';
import { KeyedMemory } from './keyed-memory.js';

export interface LookedUp {
  readonly caller: Caller;
  /** How long the token is valid without Vault, in milliseconds; 0: not known. */
  readonly validMs: number;
}

/** Whom Vault accepted a short time ago. What Vault says itself comes first, always. */
export class OutageMemory {
  readonly #memory = new KeyedMemory<LookedUp>();
  readonly #longestMs: number;

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  async note(token: Secret, asked: Promise<LookedUp>): Promise<LookedUp> {
    try {
      const found = await asked;
      this.#memory.set(token, found, Math.min(this.#longestMs, found.validMs));
      return found;
    } catch (error) {
      if (error instanceof RefusedError) this.#memory.delete(token);
      throw error;
    }
  }

  async orRemembered(token: Secret, asked: Promise<LookedUp>): Promise<LookedUp> {
    try {
      return await asked;
    } catch (error) {
      const found = error instanceof RefusedError ? undefined : this.#memory.get(token);
      if (found === undefined) throw error;
      return found;
    }
  }
}
