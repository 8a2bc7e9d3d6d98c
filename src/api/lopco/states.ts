// Maps job states to LOPCO's status words.

import type { JobState } from '../../job/state.js';

const words = {
  queued: 'pending',
  preparing: 'running',
  running: 'running',
  stopping: 'running',
  succeeded: 'finished',
  failed: 'failed',
  canceled: 'aborted',
  lost: 'failed',
} as const satisfies Record<JobState, string>;

export function statusOf(state: JobState): string {
  return words[state];
}
