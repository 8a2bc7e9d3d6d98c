// The eight states of a job, the moves between them, and the reasons for a failure.

/** All states in order. Each comment says how a job enters and leaves the state, and what a crash does. */
export const jobStates = [
  'queued', //     Stored by submit; waits for its turn and a slot. A claim takes it out; a kill ends it at once, as does the expiry of its wrapping token. A crash changes nothing.
  'preparing', //  Claimed by one node; nothing of the user's has run. A crash before the unwrap returns it to the queue; after the unwrap the job is lost.
  'running', //    The container was started. Its exit ends the state. A crash after this point makes the job lost, never run again.
  'stopping', //   A kill or a time limit is being carried out. Ends when the engine confirms that the container is gone.
  'succeeded', //  Final: exit code 0 of this very container, read from the engine.
  'failed', //     Final: with one of `failureReasons`.
  'canceled', //   Final: a person asked.
  'lost', //       Final: its node or engine was lost after the credentials were spent. Not a failure: the result is not known.
] as const;

export type JobState = (typeof jobStates)[number];

/** States in which a job holds its queue and a slot. */
export const activeStates = ['preparing', 'running', 'stopping'] as const satisfies readonly JobState[];

/** States that never change again. */
export const finalStates = ['succeeded', 'failed', 'canceled', 'lost'] as const satisfies readonly JobState[];
export type FinalState = (typeof finalStates)[number];

/** Why a job failed. Stable names: operators write alerts on them. */
export const failureReasons = [
  'exit_code',
  'timed_out',
  'out_of_memory',
  'auth_refused',
  'payload_refused',
  'content_refused',
  'secrets_refused',
  'image_unavailable',
  'start_failed',
  'callback_missing',
  'preempted',
  'infrastructure',
  'internal',
] as const;

export type FailureReason = (typeof failureReasons)[number];

/** All allowed moves. The SQL statements in `store/` check the same moves again. */
const moves: Record<JobState, readonly JobState[]> = {
  queued: ['preparing', 'failed', 'canceled'],
  preparing: ['queued', 'running', 'stopping', 'failed', 'canceled', 'lost'],
  running: ['stopping', 'succeeded', 'failed', 'canceled', 'lost'],
  stopping: ['succeeded', 'failed', 'canceled', 'lost'],
  succeeded: [],
  failed: [],
  canceled: [],
  lost: [],
};

export function canMove(from: JobState, to: JobState): boolean {
  return moves[from].includes(to);
}

export function isFinal(state: JobState): state is FinalState {
  return moves[state].length === 0;
}

export function isActive(state: JobState): boolean {
  return (activeStates as readonly JobState[]).includes(state);
}
