import { ConfigError } from '../config/config.js';
import { BrokenError, FencedError, JobFailedError, RefusedError } from '../job/errors.js';

/** Errors whose messages are written by us and hold no secret. */
const ours = [RefusedError, BrokenError, JobFailedError, FencedError, ConfigError];
/** A chain of causes is cut here, which also ends circles. */
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
 * The safe part of an error. A foreign error tells its name, code, status and where it was thrown, but not its message
 * and none of its other fields: libraries put requests, headers and query parameters there.
 */
export function factsOfError(error: Error, depth = 0): ErrorFacts {
  const { code, reason, status } = error as { code?: unknown; reason?: unknown; status?: unknown };
  const isOurs = ours.some((kind) => error instanceof kind);
  const { cause } = error;
  return {
    name: isWord(error.name) ? error.name : 'Error',
    ...(isWord(code) && { code }),
    ...(isOurs && isWord(reason) && { reason }),
    ...(typeof status === 'number' && { status }),
    ...(isOurs && { message: error.message }),
    stack: framesOf(error),
    ...(cause instanceof Error && depth < longestChain && { cause: factsOfError(cause, depth + 1) }),
  };
}

/** Names and codes are words: a text with blanks or of some length is a message in disguise. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][\w.]{0,63}$/.test(value);
}

/** Only the lines that name a place. The message stands above them; some of its lines may look like places too. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const message = error.message === '' ? -1 : stack.indexOf(error.message);
  return stack
    .slice(message < 0 ? 0 : message + error.message.length)
    .split('\n')
    .filter((line) => /^ {4}at .*(?::\d+:\d+\)?|<anonymous>\)?|native\)?)$/.test(line))
    .map((line) => line.trim());
}
