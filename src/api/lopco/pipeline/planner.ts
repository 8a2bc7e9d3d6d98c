// Decides what a LOPCO job does next: looks its pipeline up, runs it stage by stage, and cleans up behind it.

import { type Verdict, verdictOf } from '../../../job/outcome.js';
import type { ParentView, Planner, Step } from '../../../job/parents/planner.js';
import { cleanUpKind, nextCleanUp } from './clean-up.js';
import { lookUp } from './look-up.js';
import type { Failure, Progress } from './model.js';
import type { Move, PlannerParts } from './moves.js';
import { beginStage, startWorker } from './stage.js';
import { endStage } from './stage-end.js';
import { followWorkers, noteWorker } from './workers/follow.js';

export function createPlanner(parts: PlannerParts): Planner {
  return {
    note: (progress, child, { now }) => noteWorker(progress as Progress, child, now),
    next: (view) => next(parts, view),
    cleanUp: {
      is: ({ label }) => label.kind === cleanUpKind,
      next: ({ progress }) => nextCleanUp(progress as Progress, parts.lopco),
    },
  };
}

async function next(parts: PlannerParts, view: ParentView): Promise<Step> {
  let progress = view.progress as Progress; // Only this door wrote it.
  for (;;) {
    const move = await advance(parts, view, progress);
    if ('do' in move) return move;
    ({ progress } = move);
  }
}

async function advance(parts: PlannerParts, view: ParentView, progress: Progress): Promise<Move> {
  if (progress.over !== undefined) return finish(parts, view, progress);
  if (progress.pipeline === undefined) return await lookUp(parts, view, progress);
  const { current } = progress;
  if (current === undefined) return beginStage(view, progress);
  if (current.worker !== undefined) return followWorkers(parts, view, progress, current);
  return startWorker(parts, view, progress) ?? endStage(view, progress);
}

/** The files of a job are removed whether it has failed or not, as in the original. */
function finish({ lopco }: PlannerParts, { active }: ParentView, progress: Progress): Step {
  const workers = active.filter((child) => child.label.kind !== cleanUpKind && !child.killRequested);
  if (workers.length > 0) return { do: 'kill', children: workers.map(({ id }) => id), progress };
  if (active.length > 0) return { do: 'wait', progress };
  const cleanUp = nextCleanUp(progress, lopco);
  if (cleanUp !== undefined) return { do: 'start', ...cleanUp };
  return { do: 'end', verdict: toVerdict(progress.over?.failure), progress: forHistory(progress) };
}

/** A pipeline whose workers all gave their result has exit code 0: success has to have one. */
function toVerdict(failure: Failure | undefined): Verdict {
  if (failure !== undefined) return verdictOf({ kind: 'failed', exitCode: undefined, ...failure });
  const exit = { exitCode: 0, outOfMemory: false, proven: true };
  return verdictOf({ kind: 'ended', exit, stopped: undefined, limitMs: 0 });
}

/** What clients see of an ended job. */
function forHistory({ machineId, fileName, machine, done, over }: Progress): Progress {
  return { machineId, fileName, machine, done, over };
}
