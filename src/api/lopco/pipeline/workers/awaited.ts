// The workers of a stage whose results are awaited, in the order of their inputs.

import type { CurrentStage, Output, Progress, Worker } from '../model.js';

export function awaitedOf({ worker, beside = [] }: CurrentStage): readonly Worker[] {
  return worker === undefined ? [] : [worker, ...beside];
}

/** A stage that has one worker at a time is stored as it was before there could be more. */
export function withAwaited(current: CurrentStage, [worker, ...beside]: readonly Worker[]): CurrentStage {
  const { worker: _, beside: __, ...rest } = current;
  return { ...rest, ...(worker !== undefined && { worker }), ...(beside.length > 0 && { beside }) };
}

/** Undefined: nobody of this name is awaited. */
export function changeAwaited(
  progress: Progress,
  instance: string | undefined,
  change: (worker: Worker) => Worker,
): Progress | undefined {
  const { current } = progress;
  const awaited = current === undefined ? [] : awaitedOf(current);
  if (current === undefined || awaited.every((worker) => worker.instance !== instance)) return undefined;
  const changed = awaited.map((worker) => (worker.instance === instance ? change(worker) : worker));
  return { ...progress, current: withAwaited(current, changed) };
}

/** What the stage has got so far, also from workers whose turn has not come. */
export function outputsSoFar(current: CurrentStage): readonly Output[] {
  return [...current.outputs, ...awaitedOf(current).flatMap(({ result = [] }) => result)];
}
