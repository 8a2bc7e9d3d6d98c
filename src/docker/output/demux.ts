import type { OutputPart } from '../../executor/backend.js';
import { EngineError } from '../engine/errors.js';

const headerBytes = 8;
/** No engine writes more than 64 KiB into one frame; a larger one says that we have lost the thread. */
const largestFrame = 16 * 1024 * 1024;

/**
 * Takes an engine's framed output apart: 8 bytes of header (kind, three zeros, length big-endian), then the bytes.
 * Yields slices of what came in, nothing is copied; whoever reads slowly makes the container wait. Throws when the
 * stream ends inside a frame, holds something that is no frame, or brings an error of the engine's.
 */
export async function* demux(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPart> {
  const header = new FrameHeader();
  for await (const chunk of stream) {
    let at = 0;
    while (at < chunk.byteLength) {
      if (header.missing > 0) {
        at += header.fill(chunk.subarray(at));
        continue;
      }
      const bytes = chunk.subarray(at, at + header.bodyLeft);
      at += bytes.byteLength;
      yield { stream: header.take(bytes), bytes };
    }
  }
  if (!header.isAtStart) throw broken('it ended inside a frame');
}

/** The bytes of a terminal come as they are: there is only one stream, and no frames. */
export async function* passThrough(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPart> {
  for await (const bytes of stream) yield { stream: 'stdout', bytes };
}

class FrameHeader {
  readonly #bytes = Buffer.alloc(headerBytes);
  #filled = 0;
  #bodyLeft = 0;

  get missing(): number {
    return headerBytes - this.#filled;
  }

  get bodyLeft(): number {
    return this.#bodyLeft;
  }

  get isAtStart(): boolean {
    return this.#filled === 0;
  }

  /** Takes what it needs and says how much that was. A header may come in pieces. */
  fill(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.missing);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.byteLength;
    if (this.missing === 0) this.#begin();
    return taken.byteLength;
  }

  #begin(): void {
    this.#bodyLeft = this.#bytes.readUInt32BE(4);
    const isFrame = (this.#bytes[0] ?? 0) <= 3 && this.#bytes.readUIntBE(1, 3) === 0;
    if (!isFrame || this.#bodyLeft > largestFrame) throw broken('it holds something that is no frame');
    if (this.#bodyLeft === 0) this.#filled = 0;
  }

  /** Notes that so much of the body has been seen. Kind 3 is a message of the engine's, not of the job's. */
  take(bytes: Uint8Array): OutputPart['stream'] {
    const kind = this.#bytes[0];
    if (kind === 3) throw new EngineError('attach', 'broken', Buffer.from(bytes).toString());
    this.#bodyLeft -= bytes.byteLength;
    if (this.#bodyLeft === 0) this.#filled = 0;
    return kind === 2 ? 'stderr' : 'stdout';
  }
}

function broken(why: string): EngineError {
  return new EngineError('attach', 'cut', why);
}
