// What clients change of a loaded job: start, stop, reload, scale, replace, commit.

import { RefusedError } from '../../../job/errors.js';
import type { ParentView } from '../../../job/parents/planner.js';
import type { Extra, Template } from '../template/template.js';
import { mostProcesses } from '../template/wire.js';
import { released } from './brake.js';
import {
  aliveOf,
  type Commit,
  isCommitted,
  type Plan,
  type Progress,
  planOf,
  progressOf,
} from './progress.js';

export interface Change {
  readonly plan?: Plan;
  readonly progress: Progress;
}

/** The configured number of processes, whatever it was scaled to. */
export function start(view: ParentView): Change {
  const target = planOf(view).template.numprocesses;
  const progress = progressOf(view);
  const finished = progress.mode === 'running' ? progress.finished : 0;
  return { progress: { ...progress, mode: 'running', target, finished, brake: released } };
}

/** Ends committed processes, too. */
export function stop(view: ParentView): Change {
  return { progress: { ...renewed(progressOf(view)), mode: 'stopped', target: 0 } };
}

/** New processes for the old ones. A job that is stopped stays so. */
export function reload(view: ParentView): Change {
  const target = planOf(view).template.numprocesses;
  return { progress: { ...renewed(progressOf(view)), target } };
}

/** Another configuration, and new processes with it. A job that is stopped stays so. */
export function replace(view: ParentView, template: Template): Change {
  const progress = { ...renewed(progressOf(view)), target: template.numprocesses };
  return { plan: { template, commits: [] }, progress };
}

/** How a target changes: set to a number, or by one. */
export interface Scaling {
  readonly set?: number;
  readonly add?: number;
}

/** A job that was only loaded is started by it; of one that is stopped only the target changes. Throws `RefusedError`. */
export function scale(view: ParentView, { set, add = 0 }: Scaling): Change {
  const progress = progressOf(view);
  const target = Math.max(0, set ?? progress.target + add);
  if (target > mostProcesses)
    throw new RefusedError(
      'invalid_request',
      `scale must lead to at most ${mostProcesses} processes, got ${target}.`,
    );
  const mode = progress.mode === 'loaded' ? 'running' : progress.mode;
  return { progress: { ...progress, target, mode } };
}

/** Each is a job of stint. */
const mostCommitted = 64;

/** One more process, which is not supervised. Throws `RefusedError` where there are very many. */
export function commit(view: ParentView, extra: Extra): Change {
  const progress = progressOf(view);
  const number = progress.lastCommit + 1;
  const commits = [...commitsInUse(view), { ...extra, number }];
  if (commits.length > mostCommitted)
    throw new RefusedError('conflict', `The job has ${mostCommitted} committed processes already.`);
  return { plan: { ...planOf(view), commits }, progress: { ...progress, lastCommit: number } };
}

/** The others have ended: what they were started with is no longer needed. */
function commitsInUse(view: ParentView): readonly Commit[] {
  const { startedCommit } = progressOf(view);
  const running = new Set(
    aliveOf(view)
      .filter(isCommitted)
      .map(({ slot }) => -slot),
  );
  return planOf(view).commits.filter(({ number }) => number > startedCommit || running.has(number));
}

/** With none of the processes that there are. */
function renewed(progress: Progress): Progress {
  const { generation, lastCommit } = progress;
  return { ...progress, generation: generation + 1, stoppedCommit: lastCommit, finished: 0, brake: released };
}
