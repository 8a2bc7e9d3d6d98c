// Puts the pieces of an answer together as they come.

const smallestBytes = 64 * 1024;
/** An answer that is longer than this gets room for the longest one at once. */
const growsToBytes = 1024 * 1024;

/**
 * Bytes in one buffer, so that a long answer is held once: as a list of pieces it would be held twice when they are put together.
 * Of the room for the longest answer the system gives only the pages that are filled.
 */
export class GrowingBytes {
  readonly #limitBytes: number;
  #buffer = Buffer.alloc(0);
  #size = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** False, and nothing is added, where they would be more than the limit. */
  add(piece: Uint8Array): boolean {
    const size = this.#size + piece.byteLength;
    if (size > this.#limitBytes) return false;
    if (size > this.#buffer.length) this.#makeRoom(size);
    this.#buffer.set(piece, this.#size);
    this.#size = size;
    return true;
  }

  /** All that was added, not a copy. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  #makeRoom(size: number): void {
    const doubled = Math.max(smallestBytes, 2 * size);
    const larger = Buffer.allocUnsafeSlow(doubled > growsToBytes ? this.#limitBytes : doubled);
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}
