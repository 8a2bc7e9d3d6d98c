// Says what went wrong in the form that errors have on WebSockets.

import { BrokenError, RefusedError } from '../../../job/errors.js';
import { wordOf } from '../errors.js';

export interface WireProblem {
  readonly error: string;
  readonly errno: number;
  /** Ours: what was wrong, and what was expected. */
  readonly details?: string;
}

/** What stops a channel or a command, in the client's words. */
export class ChannelError extends Error {
  readonly problem: WireProblem;

  constructor(problem: WireProblem) {
    super(problem.error);
    this.problem = problem;
  }
}

/** Throws on what is a bug: the connection ends, and the log has it. */
export function problemOf(error: unknown): WireProblem {
  if (error instanceof ChannelError) return error.problem;
  if (error instanceof RefusedError) {
    const { status, word, details } = wordOf(error);
    return { error: word, errno: status, ...(details !== undefined && { details }) };
  }
  if (error instanceof BrokenError) return { error: 'EIO', errno: 500, details: error.message };
  throw error;
}
