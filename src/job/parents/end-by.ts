// How a parent ends that must not start anything more.

import type { Verdict } from '../outcome.js';
import type { ParentView, Step } from './planner.js';

/** Ends the parent once its children have ended, and has those killed that have not. */
export function endBy({ progress, active }: ParentView, verdict: Verdict): Step {
  const untold = active.filter(({ killRequested }) => !killRequested).map(({ id }) => id);
  if (untold.length > 0) return { do: 'kill', children: untold, progress };
  return active.length > 0 ? { do: 'wait', progress } : { do: 'end', verdict, progress };
}
