// Maps job states to Run:AI's status words.

import type { Job } from '../../job/job.js';
import type { FailureReason, JobState } from '../../job/state.js';

/** Clients poll while they read `Pending` or `Running`. */
const words = {
  queued: 'Pending',
  preparing: 'Pending',
  running: 'Running',
  stopping: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  canceled: 'Failed',
  lost: 'Unknown',
} as const satisfies Record<JobState, string>;

/** Words of the original's later versions, for who asks for them. */
const detailedStates: Partial<Record<JobState, string>> = {
  preparing: 'ContainerCreating',
  stopping: 'Terminating',
};
const detailedReasons: Partial<Record<FailureReason, string>> = {
  image_unavailable: 'ImagePullBackOff',
  start_failed: 'ContainerCannotRun',
  timed_out: 'TimedOut',
  preempted: 'Preempted',
};

export function statusOf({ state, reason }: Pick<Job, 'state' | 'reason'>, isDetailed: boolean): string {
  const detailed = reason === undefined ? detailedStates[state] : detailedReasons[reason];
  return (isDetailed ? detailed : undefined) ?? words[state];
}
