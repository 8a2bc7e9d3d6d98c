// Counts the output read so far, and skips the same amount in the engine's log.
import type { OutputPart } from '../../executor/backend.js';

const newline = 0x0a;
/** The engine's log drops the newline of a line at least this long, so a comparison cannot rely on newlines. */
const longestExactLine = 16_384;

/**
 * How far a stream has been read: the number of bytes that are no newline (`solid`), and of newlines after the last of
 * them. Earlier newlines are not counted, because the engine's log may have lost some.
 */
interface Position {
  solid: number;
  newlines: number;
}

/** Counts the output while it is read, so that the same position can be found in the engine's log. */
export class OutputCount {
  readonly #seen: Record<OutputPart['stream'], Position> = {
    stdout: { solid: 0, newlines: 0 },
    stderr: { solid: 0, newlines: 0 },
  };

  #bytes = 0;

  /** Bytes of both streams together. */
  get bytes(): number {
    return this.#bytes;
  }

  see({ stream, bytes }: OutputPart): void {
    this.#bytes += bytes.byteLength;
    const position = this.#seen[stream];
    const last = lastSolid(bytes);
    const newlines = bytes.byteLength - 1 - last;
    const solid = countSolid(bytes);
    position.newlines = solid === 0 ? position.newlines + newlines : newlines;
    position.solid += solid;
  }

  /** Returns a skipper for the log that drops what was already seen. */
  startSkipping(): OutputSkipper {
    return new OutputSkipper({ stdout: { ...this.#seen.stdout }, stderr: { ...this.#seen.stderr } });
  }
}

export class OutputSkipper {
  readonly #left: Record<OutputPart['stream'], Position>;
  readonly #lineLength = { stdout: 0, stderr: 0 };
  #hasLongLine = false;

  constructor(left: Record<OutputPart['stream'], Position>) {
    this.#left = left;
  }

  /** True when the log may have lost newlines. */
  get hasLongLine(): boolean {
    return this.#hasLongLine;
  }

  /** True when the log is shorter than what was seen: the engine dropped its beginning. */
  get isShort(): boolean {
    return this.#left.stdout.solid > 0 || this.#left.stderr.solid > 0;
  }

  /** Returns the bytes of this part that are new. */
  skip({ stream, bytes }: OutputPart): Uint8Array {
    this.#measureLines(stream, bytes);
    const left = this.#left[stream];
    let at = 0;
    for (; at < bytes.byteLength; at++) {
      const isNewline = bytes[at] === newline;
      if (left.solid > 0) left.solid -= isNewline ? 0 : 1;
      else if (isNewline && left.newlines > 0) left.newlines--;
      else break;
    }
    if (at < bytes.byteLength) left.newlines = 0;
    return bytes.subarray(at);
  }

  #measureLines(stream: OutputPart['stream'], bytes: Uint8Array): void {
    const first = bytes.indexOf(newline);
    const longest = this.#lineLength[stream] + (first < 0 ? bytes.byteLength : first);
    if (longest >= longestExactLine) this.#hasLongLine = true;
    const last = bytes.lastIndexOf(newline);
    this.#lineLength[stream] = last < 0 ? longest : bytes.byteLength - 1 - last;
  }
}

function lastSolid(bytes: Uint8Array): number {
  let index = bytes.byteLength - 1;
  while (index >= 0 && bytes[index] === newline) index--;
  return index;
}

function countSolid(bytes: Uint8Array): number {
  let solid = 0;
  for (const byte of bytes) if (byte !== newline) solid++;
  return solid;
}
