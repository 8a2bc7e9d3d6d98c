import type { Readable } from 'node:stream';
import type { OutputPart } from '../../executor/backend.js';
import { passThrough } from './demux.js';
import { logMessages } from './log-messages.js';

const newline = 0x0a;
const lostNewline: Uint8Array = Buffer.from('\n');
/** The log cuts longer lines into pieces of this size, and drops the newline after the last piece. */
const pieceBytes = 16_384;
/** What a message takes of the log's size beside its bytes: more than it ever is. */
const messageOverhead = 160;

/** A terminal's output has neither messages nor times. */
type Message = OutputPart & { readonly time?: string };

/**
 * Reads one log from its beginning as the job printed it: newlines that the log has dropped are put back. A log may be
 * read while it grows.
 */
export class LogText {
  readonly #tty: boolean;
  readonly #lines = { stdout: new LogLine(), stderr: new LogLine() };
  #size = 0;

  constructor(tty: boolean) {
    this.#tty = tty;
  }

  /** What the log takes of the room the engine gives it, at most. */
  get size(): number {
    return this.#size;
  }

  /** A terminal printed a line that is longer than the log keeps whole: newlines may be missing anywhere. */
  get lacksNewlines(): boolean {
    return this.#tty && this.#lines.stdout.wasLong;
  }

  /** Nobody can say whether the job ended its last line. */
  isOpenEnded(stream: OutputPart['stream']): boolean {
    return !this.#tty && this.#lines[stream].isOpenEnded;
  }

  async *read(log: Readable): AsyncGenerator<OutputPart> {
    const messages: AsyncIterable<Message> = this.#tty ? passThrough(log) : logMessages(log);
    for await (const { stream, bytes, time } of messages) {
      const line = this.#lines[stream];
      if (line.begins(bytes, time)) yield { stream, bytes: lostNewline };
      this.#size += bytes.byteLength + messageOverhead * line.measure(bytes);
      if (bytes.byteLength > 0) yield { stream, bytes };
    }
  }
}

/** Where one stream stands within a line. */
class LogLine {
  /** More bytes than a piece have come without a newline. */
  wasLong = false;
  /** Of the long line whose pieces come and have no newline yet. */
  #time: string | undefined;
  #length = 0;

  /** The last message may have been the last piece of a long line. */
  get isOpenEnded(): boolean {
    return this.#time !== undefined;
  }

  /** True when this message begins a line and the one before it has lost its newline. */
  begins(bytes: Uint8Array, time: string | undefined): boolean {
    const goesOn = time === this.#time;
    const wasOpen = this.isOpenEnded;
    const isPiece = bytes.at(-1) !== newline && (goesOn || bytes.byteLength === pieceBytes);
    this.#time = isPiece ? time : undefined;
    return wasOpen && !goesOn;
  }

  /** Returns how many messages that were, at most. */
  measure(bytes: Uint8Array): number {
    let newlines = 0;
    let start = 0;
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, start)) {
      if (this.#length + at - start >= pieceBytes) this.wasLong = true;
      this.#length = 0;
      newlines++;
      start = at + 1;
    }
    this.#length += bytes.byteLength - start;
    if (this.#length >= pieceBytes) this.wasLong = true;
    return newlines + 1 + Math.floor(bytes.byteLength / pieceBytes);
  }
}
