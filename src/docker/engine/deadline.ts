// Gives every request to the engine a deadline and a signal.
import type { EngineCall } from './calls.js';
import { EngineError, toEngineError } from './errors.js';

export interface Deadline {
  /** Longest wait for the answer; undefined for requests without a limit. */
  readonly limitMs: number | undefined;
  /** Ends the request early, with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one request to the engine under our own deadline: with the library's timeouts some requests never settle. The
 * race matters, not only the abort: this function must settle even if the library never notices the abort.
 *
 * `run` gets a signal that stays valid after the answer when that is a stream: then only the caller's `signal` ends it.
 */
export async function callEngine<T>(
  call: EngineCall,
  { limitMs, signal }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = new AbortController();
  const timer = startTimer(limitMs, () => deadline.abort(new EngineError(call, 'timed_out', '')));
  const ended = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
  try {
    return await Promise.race([run(ended), rejectOnAbort(ended)]);
  } catch (error) {
    throw ended.aborted ? ended.reason : toEngineError(call, error);
  } finally {
    clearTimeout(timer);
  }
}

function startTimer(limitMs: number | undefined, onTime: () => void): NodeJS.Timeout | undefined {
  return limitMs === undefined ? undefined : setTimeout(onTime, limitMs);
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
