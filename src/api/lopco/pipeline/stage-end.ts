// Ends a stage: takes the results of its workers, or says why it failed.

import type { CurrentStage, Failure, Progress, Stage } from './model.js';
import type { Move } from './moves.js';
import { noResult } from './worker-end.js';

/** A hostile worker could make jobs grow without end. */
const mostOutputs = 1000;
const mostBytes = 2 * 1024 * 1024;

/** The stage that runs, or is to begin; undefined: all are done. */
export function stageOf({ pipeline = [], done }: Progress): Stage | undefined {
  return pipeline[done.length];
}

/** Adds the result of a worker that has ended; the next one can be started then. */
export function takeResult(progress: Progress, current: CurrentStage, now: Date): Move {
  const { worker, ...rest } = current;
  const result = worker?.result ?? [];
  if (result.length === 0) return fail(progress, now, noResult.empty);
  const grown = { ...progress, current: { ...rest, outputs: [...rest.outputs, ...result] } };
  const isTooMuch = grown.current.outputs.length > mostOutputs || JSON.stringify(grown).length > mostBytes;
  return isTooMuch ? fail(progress, now, tooMuch) : { progress: grown };
}

const tooMuch = refused(
  'result_too_large',
  `A stage gives at most ${mostOutputs} outputs, and those of all stages take at most ${mostBytes} bytes.`,
);

export function refused(code: string, message: string): Failure {
  return { reason: 'payload_refused', code, message };
}

/** A stage that failed is listed with the outputs it got. */
export function fail(progress: Progress, now: Date, failure: Failure): Move {
  return { progress: { ...complete(progress, now), current: undefined, over: { failure } } };
}

export function complete(progress: Progress, now: Date): Progress {
  const { current } = progress;
  if (current === undefined) return progress;
  const { worker: _, ...seen } = current;
  const id = stageOf(progress)?.id ?? '';
  return { ...progress, done: [...progress.done, { id, ...seen, completed: now.toISOString() }] };
}
