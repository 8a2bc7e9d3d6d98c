// Follows the workers of a stage: their call-backs, then the ends of their containers.

import type { Child, ParentView } from '../../../../job/parents/planner.js';
import type { CurrentStage, Failure, Progress, Worker } from '../model.js';
import type { Move, PlannerParts } from '../moves.js';
import { startWorker } from '../stage.js';
import { fail, takeResult } from '../stage-end.js';
import { awaitedOf, changeAwaited } from './awaited.js';
import { graceMs, noResult, whyNoResult } from './worker-end.js';

/**
 * Waits for the results of the workers, then for their ends: one that has called back is stopped. Results are taken in the order
 * of the inputs; the first worker without one ends the stage. While there is room, the next worker is started.
 */
export function followWorkers(
  parts: PlannerParts,
  view: ParentView,
  progress: Progress,
  current: CurrentStage,
): Move {
  const awaited = awaitedOf(current);
  const toStop = awaited.flatMap((worker) => mayStop(view, worker));
  if (toStop.length > 0) return { do: 'kill', children: toStop, progress };
  const late = awaited.map((worker) => lateness(view, worker));
  const failure = late.find((each) => each?.failure !== undefined)?.failure;
  if (failure !== undefined) return fail(progress, view.now, failure);
  const [first] = awaited;
  if (first?.result !== undefined && childOf(view, first) === undefined)
    return takeResult(progress, current, view.now);
  const next = awaited.length < parts.lopco.parallel ? startWorker(parts, view, progress) : undefined;
  if (next !== undefined) return next;
  const rests = late.flatMap((each) => each?.forMs ?? []);
  return { do: 'wait', progress, ...(rests.length > 0 && { forMs: Math.min(...rests) }) };
}

function childOf({ active }: ParentView, { instance }: Worker): Child | undefined {
  return active.find(({ label }) => label.name === instance);
}

function mayStop(view: ParentView, worker: Worker): string[] {
  const child = childOf(view, worker);
  return worker.result === undefined || child === undefined || child.killRequested ? [] : [child.id];
}

/** Of a worker that has ended without a result: how long it may still come, or why it does not. */
function lateness(
  view: ParentView,
  worker: Worker,
): { readonly forMs?: number; readonly failure?: Failure } | undefined {
  if (worker.result !== undefined || childOf(view, worker) !== undefined) return undefined;
  const { at = view.now.toISOString(), failure, isLost = false } = worker.end ?? { failure: noResult.gone };
  if (failure !== undefined) return { failure };
  const forMs = Date.parse(at) + graceMs - view.now.getTime();
  return forMs > 0 ? { forMs } : { failure: isLost ? noResult.lost : noResult.silent };
}

/** Remembers how an awaited worker ended. Its output is read when somebody asks for it. */
export function noteWorker(progress: Progress, child: Child, now: Date): Progress {
  const end = {
    at: (child.finishedAt ?? now).toISOString(),
    failure: whyNoResult(child),
    isLost: child.state === 'lost',
  };
  return changeAwaited(progress, child.label.name, (worker) => ({ ...worker, end })) ?? progress;
}
