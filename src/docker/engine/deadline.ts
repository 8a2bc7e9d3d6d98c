// Gives every request to the engine a deadline and a signal.
import { Readable } from 'node:stream';
import type { EngineCall } from './calls.js';
import { EngineError, toEngineError } from './errors.js';
import { followSignal, rejectOnAbort } from './signals.js';

export interface Deadline {
  /** Longest wait for the answer; undefined for requests without a limit. */
  readonly limitMs: number | undefined;
  /** Ends the request early, with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** The name of the image that the request is about, which the engine's message may repeat. */
  readonly image?: string;
}

/**
 * Makes one request to the engine under our own deadline: with the library's timeouts some requests never settle. The
 * race matters, not only the abort: this function must settle even if the library never notices the abort.
 *
 * `run` gets a signal that stays valid after the answer when that is a stream: then only the caller's `signal` ends it.
 */
export async function callEngine<T>(
  call: EngineCall,
  { limitMs, signal, image }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const timer = startTimer(limitMs, () => over.abort(new EngineError(call, 'timed_out', '')));
  const unfollow = followSignal(signal, over);
  try {
    const answer = await Promise.race([run(over.signal), rejectOnAbort(over.signal)]);
    if (answer instanceof Readable && !answer.closed) answer.once('close', unfollow);
    else unfollow();
    return answer;
  } catch (error) {
    unfollow();
    throw over.signal.aborted ? over.signal.reason : toEngineError(call, error, image);
  } finally {
    clearTimeout(timer);
  }
}

function startTimer(limitMs: number | undefined, onTime: () => void): NodeJS.Timeout | undefined {
  return limitMs === undefined ? undefined : setTimeout(onTime, limitMs);
}
