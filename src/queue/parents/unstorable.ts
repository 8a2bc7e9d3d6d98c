// Says which refusals of a child no repetition mends, and makes of it a child that has failed.
import { BrokenError, RefusedError } from '../../job/errors.js';
import { newJobId } from '../../job/id.js';
import type { Child, NewChild } from '../../job/parents/planner.js';

type Refusal = Pick<Child, 'reason' | 'code' | 'message'>;

/** Undefined: it may be stored another time, or the error is one of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RefusedError)
    return { reason: 'payload_refused', code: error.code, message: error.message };
  if (!(error instanceof BrokenError) || error.retryable) return undefined;
  return { reason: 'internal', code: error.code, message: error.message };
}

/** No job has its id: it was never stored. */
export function neverBegun({ slot, label = {} }: NewChild, refusal: Refusal, now: Date): Child {
  return {
    ...refusal,
    id: newJobId(),
    slot,
    label,
    state: 'failed',
    exitCode: undefined,
    submittedAt: now,
    startedAt: undefined,
    finishedAt: now,
    killRequested: false,
  };
}
