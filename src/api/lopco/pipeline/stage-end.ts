// Ends a stage: takes the results of its workers, or says why it failed.

import type { CurrentStage, Failure, Progress, Stage } from './model.js';
import type { Move } from './moves.js';
import { awaitedOf, outputsSoFar, withAwaited } from './workers/awaited.js';
import { noResult } from './workers/worker-end.js';

/** A hostile worker could make jobs grow without end. */
const mostOutputs = 1000;
const mostBytes = 2 * 1024 * 1024;

/** The stage that runs, or is to begin; undefined: all are done. */
export function stageOf({ pipeline = [], done }: Progress): Stage | undefined {
  return pipeline[done.length];
}

/** Adds the result of the first worker that is awaited, which has ended. */
export function takeResult(progress: Progress, current: CurrentStage, now: Date): Move {
  const [first, ...others] = awaitedOf(current);
  const result = first?.result ?? [];
  const rest = withAwaited(current, others);
  if (result.length === 0) return fail({ ...progress, current: rest }, now, noResult.empty);
  const grown = { ...progress, current: { ...rest, outputs: [...rest.outputs, ...result] } };
  return isTooMuch(grown) ? fail({ ...progress, current: rest }, now, tooMuch) : { progress: grown };
}

function isTooMuch(progress: Progress): boolean {
  const { outputs = [] } = progress.current ?? {};
  return outputs.length > mostOutputs || JSON.stringify(progress).length > mostBytes;
}

const tooMuch = refused(
  'result_too_large',
  `A stage gives at most ${mostOutputs} outputs, and those of all stages take at most ${mostBytes} bytes.`,
);

export function refused(code: string, message: string): Failure {
  return { reason: 'payload_refused', code, message };
}

/** A stage that failed is listed with the outputs it got, also with those whose turn had not come. */
export function fail(progress: Progress, now: Date, failure: Failure): Move {
  const { current } = progress;
  const all = current && {
    ...progress,
    current: { ...withAwaited(current, []), outputs: outputsSoFar(current) },
  };
  const listed = all === undefined || isTooMuch(all) ? progress : all;
  return { progress: { ...complete(listed, now), current: undefined, over: { failure } } };
}

/** All workers have given their result. */
export function endStage({ now }: { readonly now: Date }, progress: Progress): Move {
  return { progress: { ...complete(progress, now), current: undefined } };
}

function complete(progress: Progress, now: Date): Progress {
  const { current } = progress;
  if (current === undefined) return progress;
  const seen = withAwaited(current, []);
  const id = stageOf(progress)?.id ?? '';
  return { ...progress, done: [...progress.done, { id, ...seen, completed: now.toISOString() }] };
}
