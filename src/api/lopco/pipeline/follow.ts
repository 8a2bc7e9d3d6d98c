// Follows the worker of a stage: its call-back, then the end of its container.

import type { Child, ParentView } from '../../../job/parents/planner.js';
import type { Progress } from './model.js';
import type { Move } from './moves.js';
import { fail, takeResult } from './stage-end.js';
import { graceMs, noResult, whyNoResult } from './worker-end.js';

/** Waits for the worker's result, then for its end: a worker that has called back is stopped. */
export function followWorker({ active, now }: ParentView, progress: Progress): Move {
  const { current } = progress;
  const worker = current?.worker;
  if (current === undefined || worker === undefined) return { progress };
  const child = active.find(({ label }) => label.name === worker.instance);
  if (child !== undefined) {
    const mayStop = worker.result !== undefined && !child.killRequested;
    return mayStop ? { do: 'kill', children: [child.id], progress } : { do: 'wait', progress };
  }
  if (worker.result !== undefined) return takeResult(progress, current, now);
  const { at = now.toISOString(), failure, isLost = false } = worker.end ?? { failure: noResult.gone };
  if (failure !== undefined) return fail(progress, now, failure);
  const forMs = Date.parse(at) + graceMs - now.getTime();
  if (forMs > 0) return { do: 'wait', forMs, progress };
  return fail(progress, now, isLost ? noResult.lost : noResult.silent);
}

/** Remembers how the awaited worker ended. Its output is read when somebody asks for it. */
export function noteWorker(progress: Progress, child: Child, now: Date): Progress {
  const { current } = progress;
  const worker = current?.worker;
  if (current === undefined || worker === undefined || child.label.name !== worker.instance) return progress;
  const end = {
    at: (child.finishedAt ?? now).toISOString(),
    failure: whyNoResult(child),
    isLost: child.state === 'lost',
  };
  return { ...progress, current: { ...current, worker: { ...worker, end } } };
}
