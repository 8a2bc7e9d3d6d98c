// Restores a job's output from the engine's log, including newlines that the log dropped.
import type { Readable } from 'node:stream';
import type { OutputPart } from '../../executor/backend.js';
import { passThrough } from './demux.js';
import { logMessages } from './log-messages.js';

const newline = 0x0a;
const lostNewline: Uint8Array = Buffer.from('\n');
/** The log splits longer lines into pieces of this size and drops the newline after the last piece. */
const pieceBytes = 16_384;
/** Upper bound for the space that a message takes in the log in addition to its bytes. */
const messageOverhead = 160;

/** The log of a terminal is read without messages and times. */
type Message = OutputPart & { readonly time?: string };

/**
 * Reads one log from its beginning. A log may be read while it grows.
 */
export class LogText {
  readonly #tty: boolean;
  readonly #lines = { stdout: new LogLine(), stderr: new LogLine() };
  #size = 0;

  constructor(tty: boolean) {
    this.#tty = tty;
  }

  /** Upper bound for the size of the log so far, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** True when a terminal printed a line that the log splits: newlines may then be missing anywhere. */
  get lacksNewlines(): boolean {
    return this.#tty && this.#lines.stdout.wasLong;
  }

  /** True when it is unknown whether the job ended its last line. */
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

/** Tracks how far one stream is within a line. */
class LogLine {
  /** True once a line was at least as long as a piece. */
  wasLong = false;
  /** Time of the long line whose pieces are being read, while it has no newline. */
  #time: string | undefined;
  #length = 0;

  /** True when the last message may have been the last piece of a long line. */
  get isOpenEnded(): boolean {
    return this.#time !== undefined;
  }

  /** True when this message begins a line and the line before it has lost its newline. */
  begins(bytes: Uint8Array, time: string | undefined): boolean {
    const continues = time === this.#time;
    const wasOpen = this.isOpenEnded;
    const isPiece = bytes.at(-1) !== newline && (continues || bytes.byteLength === pieceBytes);
    this.#time = isPiece ? time : undefined;
    return wasOpen && !continues;
  }

  /** Returns an upper bound for the number of messages that these bytes took in the log. */
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
