// Skips bytes of the output where no secret can begin (Wu and Manber).
import type { Steps } from '../../job/payload/steps.js';

/** A longer window allows longer shifts, but fills the table, so that more shifts are too short. */
const widest = 12;
/**
 * Bytes per table entry. Pairs of bytes would not do: most occur both in any text and in any set of secrets in base64.
 */
const gram = 3;
const slots = 2 ** 16;

/**
 * Reads the last three bytes of a window as long as the shortest pattern (but at most 12), and shifts the window as far
 * as these three bytes rule out the beginning of a pattern.
 */
export class Skip {
  /** In bytes; no pattern is shorter. */
  readonly window: number;
  readonly #shift: Uint8Array;

  private constructor(window: number) {
    this.window = window;
    this.#shift = new Uint8Array(slots).fill(window - gram + 1);
  }

  /** Every pattern must have at least three bytes. */
  static *of(patterns: readonly Uint8Array[]): Steps<Skip> {
    const skip = new Skip(patterns.reduce((least, { length }) => Math.min(least, length), widest));
    for (const pattern of patterns) {
      skip.#learn(pattern);
      yield;
    }
    return skip;
  }

  /** The first position at or after `from` where a pattern may begin, or where too few bytes are left to decide. */
  next(bytes: Uint8Array, from: number): number {
    const last = bytes.length - this.window;
    const ahead = this.window - gram;
    const table = this.#shift;
    let start = from;
    while (start <= last) {
      const shift = table[slotOf(bytes, start + ahead)] ?? 0;
      if (shift === 0) return start;
      start += shift;
    }
    return start;
  }

  #learn(pattern: Uint8Array): void {
    const ahead = this.window - gram;
    for (let start = 0; start <= ahead; start++) {
      const slot = slotOf(pattern, start);
      this.#shift[slot] = Math.min(this.#shift[slot] ?? 0, ahead - start);
    }
  }
}

/** Two grams in one slot cost an unnecessary check, but never a missed pattern. */
function slotOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) ^ ((bytes[at + 1] ?? 0) << 5) ^ ((bytes[at + 2] ?? 0) << 10)) % slots;
}
