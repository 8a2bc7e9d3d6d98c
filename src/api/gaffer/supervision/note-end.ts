// What is remembered of a process that has ended.

import type { Child, ParentView } from '../../../job/parents/planner.js';
import { type Flapping, judgeEnd } from './brake.js';
import { type Exit, isCommitted, type Progress, pidOf, planOf } from './progress.js';

interface Noting {
  readonly view: ParentView;
  /** Of jobs that have none of their own. */
  readonly flapping: Flapping;
}

/** An end that somebody asked for is none of the job's, and neither is that of a process that is not supervised. */
export function noteEnd(progress: Progress, child: Child, { view, flapping }: Noting): Progress {
  if (child.state === 'canceled') return progress;
  const noted = { ...progress, lastExit: exitOf(child) };
  if (isCommitted(child) || child.slot !== progress.generation || progress.mode !== 'running') return noted;
  const { template } = planOf(view);
  if (template.detach) return { ...noted, finished: progress.finished + 1 };
  if (child.state === 'lost') return noted; // Its node is to blame.
  return brakeAfter(noted, child, { view, flapping: template.flapping ?? flapping });
}

/** From the claim of a process to the start of its program, mostly. It is not told apart from the time that it ran. */
const startMs = 1_000;

function brakeAfter(progress: Progress, child: Child, { view, flapping }: Noting): Progress {
  const at = child.finishedAt?.getTime() ?? view.now.getTime();
  const heldMs = child.exitCode === undefined ? 0 : at - (child.startedAt?.getTime() ?? at);
  const ranMs = Math.max(0, heldMs - startMs);
  const { brake, judgment } = judgeEnd(progress.brake, { at, ranMs }, flapping);
  if (judgment === 'restart') return { ...progress, brake };
  const generation = progress.generation + 1; // All others end, too.
  const mode = judgment === 'give_up' ? 'given_up' : progress.mode;
  return { ...progress, brake, generation, mode };
}

function exitOf(child: Child): Exit {
  const { state, exitCode = null, message } = child;
  return { pid: pidOf(child), state, exit_code: exitCode, reason: message ?? 'The process ended with 0.' };
}
