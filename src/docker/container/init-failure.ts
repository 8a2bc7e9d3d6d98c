// Recognizes from the output that the init process could not start the command.
import type { OutputPart } from '../../executor/backend.js';
import type { JobFailedError } from '../../job/errors.js';
import { commandNotExecutable, commandNotFound } from './errors.js';

/** Longer than the message of the init process can be: a path and some words. */
const mostKept = 8 * 1024;
/** [FATAL tini (7)] exec nope failed: No such file or directory */
const message = /^\[FATAL tini \(\d+\)\] exec (.*) failed: (.+)\r?\n$/s;

/**
 * The engine starts its init process successfully, but that process cannot start the command: it says so in the job's
 * output and exits with 127 or 126, as a shell would. A job that ran may return the same codes, so the message must be
 * the whole output.
 */
export class InitFailure {
  #text = '';
  #isJobOutput = false;

  /** Sees every part of the output in its order. */
  see({ bytes }: OutputPart): void {
    if (this.#isJobOutput) return;
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    this.#isJobOutput = this.#text.length > mostKept || !'[FATAL tini ('.startsWith(this.#text.slice(0, 13));
  }

  /** The error, or undefined for a job that ran. */
  toError(exitCode: number): JobFailedError | undefined {
    if (this.#isJobOutput || (exitCode !== 126 && exitCode !== 127)) return undefined;
    const match = message.exec(this.#text);
    if (match === null) return undefined;
    const command = Buffer.from(match[1] ?? '', 'latin1').toString();
    return exitCode === 127 ? commandNotFound(command) : commandNotExecutable(command);
  }
}
