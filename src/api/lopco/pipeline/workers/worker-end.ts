// Says what it means for a stage that a worker ended, where it has not called back.

import type { Child } from '../../../../job/parents/planner.js';
import type { Failure } from '../model.js';

/**
 * How long a worker that ended well, or whose node was lost, may have a result on its way. Usually it has none: a worker waits
 * for the answer to its call-back before it ends, and the answer is sent when the result is stored.
 */
export const graceMs = 10_000;

function missing(code: string, message: string): Failure {
  return { reason: 'callback_missing', code, message };
}

export const noResult = {
  silent: missing('callback_missing', 'The worker ended without a result: it did not call back.'),
  lost: missing('worker_lost', 'The worker was lost with its node, and did not call back.'),
  empty: missing('result_empty', 'The worker called back with an empty list, which is no result.'),
  killed: missing('worker_killed', 'The worker was killed before it called back.'),
  gone: missing('worker_gone', 'The worker was deleted before it called back.'),
} as const;

/** Why no result can come any more; undefined: one may still be on its way. */
export function whyNoResult({ state, reason, code, message, exitCode }: Child): Failure | undefined {
  if (state === 'canceled') return noResult.killed;
  if (state !== 'failed') return undefined;
  const why = reason ?? 'internal';
  return {
    reason: why,
    code: code ?? why,
    message: `The worker ended without a result. ${message ?? ''}`.trim(),
    exitCode,
  };
}
