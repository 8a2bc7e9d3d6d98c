// Pulls one image under two limits: total time, and time without progress.
import type { RegistryLogin } from '../../executor/backend.js';
import { JobFailedError } from '../../job/errors.js';
import type { Engine } from '../engine/engine.js';
import { type EngineError, toEngineError } from '../engine/errors.js';
import { followSignal } from '../engine/signals.js';
import { pullFailure, pullTimedOut } from './errors.js';

/** In milliseconds. */
export interface PullLimits {
  readonly totalMs: number;
  /** Longest time without progress. */
  readonly stallMs: number;
}

/** For whom and how long a registry is asked. */
export interface Pulling {
  readonly limits: PullLimits;
  readonly signal: AbortSignal;
  /** Undefined: as anybody. */
  readonly login?: RegistryLogin | undefined;
}

/**
 * Throws the signal's reason, `JobFailedError` `pull_timed_out` when a limit is exceeded, or an `EngineError` with the
 * reason of the registry or the engine.
 */
export async function pullImage(
  engine: Engine,
  reference: string,
  { limits, signal, login }: Pulling,
): Promise<void> {
  using watch = new PullWatch(reference, limits, signal);
  for await (const step of engine.pull(reference, watch.signal, login)) {
    if (step.error !== undefined) throw pullError(step.error, reference);
    watch.see(step.status, step.mark);
  }
}

/** The digest that the registry has under the name. Throws like `pullImage`, but with the job's failure. */
export async function resolveImage(
  engine: Engine,
  reference: string,
  { limits, signal, login }: Pulling,
): Promise<string> {
  using watch = new PullWatch(reference, limits, signal);
  try {
    return await engine.resolve(reference, watch.signal, login);
  } catch (error) {
    throw pullEnd(error, reference, signal);
  }
}

/** What a job is told: the reason of its own signal, or what failed. */
export function pullEnd(error: unknown, reference: string, signal: AbortSignal): unknown {
  return signal.aborted || error instanceof JobFailedError ? error : pullFailure(error, reference);
}

/** The engine reports a failed pull only as text, inside an answer with status 200. */
function pullError(text: string, reference: string): EngineError {
  return toEngineError('pull', { statusCode: 500, json: { message: text } }, reference);
}

/** Its signal fires when a limit is exceeded, or with the caller's signal. */
class PullWatch implements Disposable {
  readonly #limit = new AbortController();
  readonly #total: NodeJS.Timeout;
  readonly #stall: NodeJS.Timeout;
  readonly #unfollow: () => void;
  #mark = '';

  constructor(reference: string, { totalMs, stallMs }: PullLimits, signal: AbortSignal) {
    const fire = (limitMs: number, what: string) => () =>
      this.#limit.abort(pullTimedOut(reference, `${what} ${limitMs / 1000} seconds`));
    this.#total = setTimeout(fire(totalMs, 'it took longer than'), totalMs);
    this.#stall = setTimeout(fire(stallMs, 'there was no progress for'), stallMs);
    this.#unfollow = followSignal(signal, this.#limit);
  }

  get signal(): AbortSignal {
    return this.#limit.signal;
  }

  /** A countdown to the next try is no progress, and neither is a repeated step. */
  see(status: string, mark: string): void {
    if (/^(retrying|waiting)/i.test(status) || mark === this.#mark) return;
    this.#mark = mark;
    this.#stall.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#total);
    clearTimeout(this.#stall);
    this.#unfollow();
  }
}
