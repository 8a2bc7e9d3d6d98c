import type { Engine } from '../engine/engine.js';
import { type EngineError, toEngineError } from '../engine/errors.js';
import { pullTimedOut } from './errors.js';

/** In milliseconds. */
export interface PullLimits {
  readonly totalMs: number;
  /** Longest time without a sign of progress. */
  readonly stallMs: number;
}

interface Pulling {
  readonly limits: PullLimits;
  readonly signal: AbortSignal;
}

/**
 * Pulls one image. Throws the signal's reason, `JobFailedError` `pull_timed_out` when one of the limits is passed, or
 * an `EngineError` that says what the registry or the engine had against it.
 */
export async function pullImage(
  engine: Engine,
  reference: string,
  { limits, signal }: Pulling,
): Promise<void> {
  using watch = new PullWatch(reference, limits, signal);
  for await (const step of engine.pull(reference, watch.signal)) {
    if (step.error !== undefined) throw pullError(step.error);
    watch.see(step.status, step.mark);
  }
}

/** The engine reports a failed pull inside an answer that began well, as text alone. */
function pullError(text: string): EngineError {
  return toEngineError('pull', { statusCode: 500, json: { message: text } });
}

/** Fires its signal when a limit is passed, or with the caller's. */
class PullWatch implements Disposable {
  readonly #late = new AbortController();
  readonly #total: NodeJS.Timeout;
  readonly #stall: NodeJS.Timeout;
  readonly signal: AbortSignal;
  #mark = '';

  constructor(reference: string, { totalMs, stallMs }: PullLimits, signal: AbortSignal) {
    const fire = (limitMs: number, what: string) => () =>
      this.#late.abort(pullTimedOut(reference, `${what} ${limitMs / 1000} seconds`));
    this.#total = setTimeout(fire(totalMs, 'it took longer than'), totalMs);
    this.#stall = setTimeout(fire(stallMs, 'nothing moved for'), stallMs);
    this.signal = AbortSignal.any([this.#late.signal, signal]);
  }

  /** A countdown to the next try is no progress, and neither is the same step told twice. */
  see(status: string, mark: string): void {
    if (/^(retrying|waiting)/i.test(status) || mark === this.#mark) return;
    this.#mark = mark;
    this.#stall.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#total);
    clearTimeout(this.#stall);
  }
}
