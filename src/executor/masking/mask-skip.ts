/** A longer window would leap further, but fill the table: more leaps end too early then. */
const widest = 12;
/** Bytes that are looked at together; two would be common to any text and any set of secrets in base64. */
const gram = 3;
const slots = 2 ** 16;

/**
 * Leaps over what begins no pattern (Wu and Manber): it looks at the last three bytes of a window as long as the
 * shortest pattern, and moves the window as far as no pattern's beginning has these three in it.
 */
export class Skip {
  /** No pattern is shorter. */
  readonly window: number;
  readonly #leap: Uint8Array;

  /** The patterns have three bytes at least. */
  constructor(patterns: readonly Uint8Array[]) {
    this.window = patterns.reduce((least, { length }) => Math.min(least, length), widest);
    this.#leap = new Uint8Array(slots).fill(this.window - gram + 1);
    for (const pattern of patterns) this.#learn(pattern);
  }

  /** The first place from `from` on where a pattern may begin, or where too few bytes are left to tell. */
  next(bytes: Uint8Array, from: number): number {
    const last = bytes.length - this.window;
    const ahead = this.window - gram;
    const table = this.#leap;
    let start = from;
    while (start <= last) {
      const leap = table[slotOf(bytes, start + ahead)] ?? 0;
      if (leap === 0) return start;
      start += leap;
    }
    return start;
  }

  #learn(pattern: Uint8Array): void {
    const ahead = this.window - gram;
    for (let start = 0; start <= ahead; start++) {
      const slot = slotOf(pattern, start);
      this.#leap[slot] = Math.min(this.#leap[slot] ?? 0, ahead - start);
    }
  }
}

/** Two grams in one slot cost a needless look, never a missed one. */
function slotOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) ^ ((bytes[at + 1] ?? 0) << 5) ^ ((bytes[at + 2] ?? 0) << 10)) % slots;
}
