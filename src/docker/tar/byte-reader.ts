// Reads blocks and bodies of given lengths from a stream of chunks.
import { TarCutOff } from './damaged.js';
import { blockBytes } from './header.js';

const nothing = new Uint8Array();

export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = nothing;
  /** Where in the chunk the next byte is. */
  #at = 0;
  #offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Number of bytes that were read so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Exactly so many bytes where they are in the chunk that is at hand; undefined where they must be waited for. Most headers
   * of a large archive are, and a promise for each would cost more than its bytes.
   */
  atHand(bytes: number): Uint8Array | undefined {
    if (bytes > this.#chunk.byteLength - this.#at) return undefined;
    const part = this.#chunk.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    this.#offset += bytes;
    return part;
  }

  /** At least one byte and at most so many; undefined at the end. */
  async some(mostBytes: number): Promise<Uint8Array | undefined> {
    while (this.#at === this.#chunk.byteLength) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#chunk = value;
      this.#at = 0;
    }
    return this.atHand(Math.min(mostBytes, this.#chunk.byteLength - this.#at));
  }

  /** Exactly so many bytes in one array. Throws `TarCutOff`. */
  async exactly(bytes: number): Promise<Uint8Array> {
    if (bytes === 0) return nothing;
    const first = await this.#must(bytes);
    if (first.byteLength === bytes) return first;
    const whole = new Uint8Array(bytes);
    whole.set(first);
    for (let at = first.byteLength; at < bytes; ) {
      const part = await this.#must(bytes - at);
      whole.set(part, at);
      at += part.byteLength;
    }
    return whole;
  }

  /** Exactly so many bytes as a stream. Throws `TarCutOff`. */
  async *stream(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const part = await this.#must(left);
      left -= part.byteLength;
      yield part;
    }
  }

  /** Skips the bytes up to this offset. Throws `TarCutOff`. */
  async skipTo(offset: number): Promise<void> {
    while (this.#offset < offset) await this.#must(offset - this.#offset);
  }

  /** The next block; undefined at the end. Throws `TarCutOff` for a part of a block. */
  async block(): Promise<Uint8Array | undefined> {
    const first = await this.some(blockBytes);
    if (first === undefined || first.byteLength === blockBytes) return first;
    return Buffer.concat([first, await this.exactly(blockBytes - first.byteLength)]);
  }

  /** Ends the stream of chunks. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #must(mostBytes: number): Promise<Uint8Array> {
    const part = await this.some(mostBytes);
    if (part === undefined) throw new TarCutOff();
    return part;
  }
}

/** Bodies are padded to whole blocks. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}
