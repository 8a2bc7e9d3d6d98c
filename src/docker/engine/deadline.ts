import type { EngineCall } from './calls.js';
import { EngineError, toEngineError } from './errors.js';

export interface Deadline {
  /** Longest wait for the answer; undefined for calls that may take as long as they like. */
  readonly limitMs: number | undefined;
  /** Ends the call early, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one call to the engine under a deadline of ours: the library's own time-outs leave some calls unsettled for
 * ever. The race matters, not only the abort: the answer must come even if the library never notices.
 *
 * `run` gets a signal that lives on after the answer where that is a stream: only the caller's `signal` cuts it then.
 */
export async function callEngine<T>(
  call: EngineCall,
  { limitMs, signal }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const late = new AbortController();
  const timer = startTimer(limitMs, () => late.abort(new EngineError(call, 'timed_out', '')));
  const ended = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
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
