// Recognizes from the output that the command could not be started, though its container was.
import type { OutputPart } from '../../executor/backend.js';
import { mayBeStartMessage, readStartMessage, type StartMessage } from '../program/start-messages.js';

/** Longer than such a message can be: a path and some words. */
const mostKept = 8 * 1024;

/**
 * The engine starts its init process, or the runtime the container, but the command cannot be executed: that is said in
 * the job's output, and the exit code is one that a job may return as well. So the message must be the whole output.
 */
export class InitFailure {
  readonly #program: string | undefined;
  #text = '';
  #isJobOutput = false;

  /** `program`: what was to be started; undefined where nobody knows it any more. */
  constructor(program?: string) {
    this.#program = program;
  }

  /** Sees every part of the output in its order. */
  see({ bytes }: OutputPart): void {
    if (this.#isJobOutput) return;
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    this.#isJobOutput = this.#text.length > mostKept || !mayBeStartMessage(this.#text);
  }

  /** Whether the output, as far as it was seen, and this exit code leave it possible. */
  isPossible(exitCode: number): boolean {
    return !this.#isJobOutput && mayBeStartMessage(this.#text, exitCode);
  }

  /** What the message says, or undefined for a job that ran. */
  read(exitCode: number): StartMessage | undefined {
    if (!this.isPossible(exitCode)) return undefined;
    return readStartMessage(Buffer.from(this.#text, 'latin1').toString(), exitCode, this.#program);
  }
}
