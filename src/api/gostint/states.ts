// Maps job states to GoStint's status words, and back for filters and counters.

import type { Job } from '../../job/job.js';
import type { FailureReason, JobState } from '../../job/state.js';
import type { JobCount, StateFilter } from '../../queue/queue.js';

/** GoStint's status words. A new one would end the polling of its clients: they poll while the status is `queued` or `running`. */
export const statusWords = [
  'queued',
  'running',
  'stopping',
  'success',
  'failed',
  'notauthorised',
  'unknown',
] as const;
export type StatusWord = (typeof statusWords)[number];

const words = {
  queued: 'queued',
  preparing: 'running',
  running: 'running',
  stopping: 'stopping',
  succeeded: 'success',
  failed: 'failed',
  canceled: 'failed',
  lost: 'unknown',
} as const satisfies Record<JobState, StatusWord>;

const authRefused: FailureReason = 'auth_refused';

export function statusOf({
  state,
  reason,
}: Pick<Job, 'state'> & { readonly reason: string | undefined }): StatusWord {
  return state === 'failed' && reason === authRefused ? 'notauthorised' : words[state];
}

const filters = {
  queued: [{ state: 'queued' }],
  running: [{ state: 'preparing' }, { state: 'running' }],
  stopping: [{ state: 'stopping' }],
  success: [{ state: 'succeeded' }],
  failed: [{ state: 'failed', exceptReason: authRefused }, { state: 'canceled' }],
  notauthorised: [{ state: 'failed', reason: authRefused }],
  unknown: [{ state: 'lost' }],
} as const satisfies Record<StatusWord, readonly StateFilter[]>;

/** The states behind a status word; undefined for an unknown one. */
export function filtersOf(word: string): readonly StateFilter[] | undefined {
  const known = statusWords.find((candidate) => candidate === word);
  return known && filters[known];
}

/** Number of jobs under each word. */
export function countByStatus(counts: readonly JobCount[]): Record<StatusWord, number> {
  const sums = { queued: 0, running: 0, stopping: 0, success: 0, failed: 0, notauthorised: 0, unknown: 0 };
  for (const { state, reason, count } of counts) sums[statusOf({ state, reason })] += count;
  return sums;
}
