import type { OutputPart } from '../../executor/backend.js';
import type { JobFailedError } from '../../job/errors.js';
import { commandNotExecutable, commandNotFound } from './errors.js';

/** More than the complaint can be long: a path and some words. */
const mostKept = 8 * 1024;
/** [FATAL tini (7)] exec nope failed: No such file or directory */
const complaint = /^\[FATAL tini \(\d+\)\] exec (.*) failed: (.+)\r?\n$/s;

/**
 * Notices a command that could not be started. The engine starts its init process, successfully, and that one finds no
 * command: it says so in the job's output and ends with 127 or 126, as a shell would. A job that ran and returned
 * such a code is something else, so the complaint must be all there is.
 */
export class InitComplaint {
  #text = '';
  #isSomethingElse = false;

  /** Sees every part of the output in its order. */
  see({ bytes }: OutputPart): void {
    if (this.#isSomethingElse) return;
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    this.#isSomethingElse =
      this.#text.length > mostKept || !'[FATAL tini ('.startsWith(this.#text.slice(0, 13));
  }

  /** The error it means, or undefined for a job that ran. */
  toError(exitCode: number): JobFailedError | undefined {
    if (this.#isSomethingElse || (exitCode !== 126 && exitCode !== 127)) return undefined;
    const match = complaint.exec(this.#text);
    if (match === null) return undefined;
    const command = Buffer.from(match[1] ?? '', 'latin1').toString();
    return exitCode === 127 ? commandNotFound(command) : commandNotExecutable(command);
  }
}
