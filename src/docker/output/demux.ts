// Splits the framed output stream of an engine into stdout and stderr.
import type { OutputPart } from '../../executor/backend.js';
import { EngineError } from '../engine/errors.js';

const headerBytes = 8;
/** No engine writes more than 64 KiB into one frame; a far larger one means that we read at the wrong offset. */
const largestFrame = 16 * 1024 * 1024;

/**
 * A frame has 8 bytes of header (kind, three zeros, length big-endian), then the bytes. Yields slices of the input
 * without copying; a slow reader slows the container down. Throws when the stream ends inside a frame, contains
 * something that is no frame, or carries an error of the engine.
 */
export async function* demux(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPart> {
  const header = new FrameHeader();
  for await (const chunk of stream) {
    let at = 0;
    while (at < chunk.byteLength) {
      if (header.missingBytes > 0) {
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

/** The output of a terminal has only one stream and no frames. */
export async function* passThrough(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPart> {
  for await (const bytes of stream) yield { stream: 'stdout', bytes };
}

class FrameHeader {
  readonly #bytes = Buffer.alloc(headerBytes);
  #filled = 0;
  #bodyLeft = 0;

  get missingBytes(): number {
    return headerBytes - this.#filled;
  }

  get bodyLeft(): number {
    return this.#bodyLeft;
  }

  get isAtStart(): boolean {
    return this.#filled === 0;
  }

  /** Takes the bytes it needs and returns their number. A header may arrive in pieces. */
  fill(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.missingBytes);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.byteLength;
    if (this.missingBytes === 0) this.#begin();
    return taken.byteLength;
  }

  #begin(): void {
    this.#bodyLeft = this.#bytes.readUInt32BE(4);
    const isFrame = (this.#bytes[0] ?? 0) <= 3 && this.#bytes.readUIntBE(1, 3) === 0;
    if (!isFrame || this.#bodyLeft > largestFrame) throw broken('it contains something that is no frame');
    if (this.#bodyLeft === 0) this.#filled = 0;
  }

  /** Counts these bytes of the body as read. Kind 3 is a message of the engine, not of the job. */
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
