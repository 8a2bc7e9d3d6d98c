// Decides which parts of an error may be logged, since foreign messages and fields may hold secrets.
import { ConfigError } from '../config/config.js';
import { BrokenError, FencedError, JobFailedError, RefusedError } from '../job/errors.js';

/** Our own errors: their messages hold no secret. */
const ours = [RefusedError, BrokenError, JobFailedError, FencedError, ConfigError];
/** A chain of causes is cut at this length, which also ends cycles. */
const longestChain = 5;

/** What of an error may be logged. */
export interface ErrorFacts {
  readonly name: string;
  readonly code?: string;
  readonly reason?: string;
  readonly status?: number;
  readonly message?: string;
  readonly stack?: readonly string[];
  readonly cause?: ErrorFacts;
}

/**
 * The safe part of an error. Of a foreign error it keeps name, code, status and stack frames, but neither the message nor
 * any other field: libraries put requests, headers and query parameters there.
 */
export function factsOfError(error: Error, depth = 0): ErrorFacts {
  const { code, reason, status } = error as { code?: unknown; reason?: unknown; status?: unknown };
  const isOurs = ours.some((kind) => error instanceof kind);
  const { cause } = error;
  return {
    name: isShortWord(error.name) ? error.name : 'Error',
    ...(isShortWord(code) && { code }),
    ...(isOurs && isShortWord(reason) && { reason }),
    ...(typeof status === 'number' && { status }),
    ...(isOurs && { message: error.message }),
    stack: framesOf(error),
    ...(cause instanceof Error && depth < longestChain && { cause: factsOfError(cause, depth + 1) }),
  };
}

/** A name or code is one short word. A longer text, or one with blanks, may be a message and is not logged. */
function isShortWord(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][\w.]{0,63}$/.test(value);
}

/** Only the stack frames. The message before them is cut off first, since some of its lines may look like frames. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const message = error.message === '' ? -1 : stack.indexOf(error.message);
  return stack
    .slice(message < 0 ? 0 : message + error.message.length)
    .split('\n')
    .filter((line) => /^ {4}at .*(?::\d+:\d+\)?|<anonymous>\)?|native\)?)$/.test(line))
    .map((line) => line.trim());
}
