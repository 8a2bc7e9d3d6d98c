// Says of each job state whether clients of gaffer still see a process.

import type { Job } from '../../job/job.js';
import type { JobState } from '../../job/state.js';

const words = {
  queued: 'active',
  preparing: 'active',
  running: 'active',
  stopping: 'gone',
  succeeded: 'gone',
  failed: 'gone',
  canceled: 'gone',
  lost: 'gone',
} as const satisfies Record<JobState, string>;

export function wordOf({ state }: Pick<Job, 'state'>): 'active' | 'gone' {
  return words[state];
}

/** Counted and listed from the moment it is made, and no more from the moment its stop is asked for. */
export function isAlive(process: Pick<Job, 'state'>, isKillRequested: boolean): boolean {
  return !isKillRequested && wordOf(process) === 'active';
}
