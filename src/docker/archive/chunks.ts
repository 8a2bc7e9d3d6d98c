// Gathers small pieces into chunks of one size.

const chunkBytes = 64 * 1024;
const none: readonly Uint8Array[] = [];

/** Each chunk that is sent costs far more than a header is long. Pieces are copied at once, so that none is held. */
export class Chunks {
  #chunk = newChunk();
  #size = 0;

  /** The chunks that this piece has filled: mostly none, and then nothing is made for it. */
  add(piece: Uint8Array): readonly Uint8Array[] {
    let room = chunkBytes - this.#size;
    if (piece.byteLength < room) {
      this.#put(piece);
      return none;
    }
    const full: Uint8Array[] = [];
    let at = 0;
    for (; piece.byteLength - at >= room; room = chunkBytes) {
      this.#put(piece.subarray(at, at + room));
      at += room;
      full.push(this.rest());
    }
    this.#put(piece.subarray(at));
    return full;
  }

  /** What is left. Another chunk is begun. */
  rest(): Uint8Array {
    const rest = this.#chunk.subarray(0, this.#size);
    this.#chunk = newChunk();
    this.#size = 0;
    return rest;
  }

  #put(piece: Uint8Array): void {
    this.#chunk.set(piece, this.#size);
    this.#size += piece.byteLength;
  }
}

/** Of memory of its own: out of a larger one, the last chunk in use would hold all of it. */
function newChunk(): Uint8Array {
  return Buffer.allocUnsafeSlow(chunkBytes);
}
