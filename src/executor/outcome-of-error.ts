// Turns an error that ended a job before its start into an outcome.
import { BrokenError, FencedError, JobFailedError } from '../job/errors.js';
import type { Outcome } from '../job/outcome.js';
import type { ExecutorParts } from './run.js';
import { StoppedError } from './stop.js';

/**
 * An unavailable part postpones the job: by contract a retryable `BrokenError` says that nothing was spent. A shutdown
 * also postpones it. The database refuses to postpone a job whose credentials are spent; such a job fails.
 */
export function outcomeOfError(
  error: unknown,
  run: { readonly job: { readonly id: string } },
  parts: ExecutorParts,
): Outcome {
  if (error instanceof FencedError) throw error;
  if (error instanceof StoppedError) return stoppedOutcome(error, parts);
  if (error instanceof JobFailedError) {
    const { reason, code, message, exitCode, alarm } = error;
    return { kind: 'failed', reason, code, message, exitCode, alarm };
  }
  if (error instanceof BrokenError && error.retryable) {
    return { kind: 'postponed', code: error.code, message: error.message };
  }
  if (error instanceof BrokenError) return failed('infrastructure', error.code, error.message);
  parts.onBug(error, run.job.id);
  return failed(
    'internal',
    'internal',
    'stint failed with an internal error; its log has the details under this job id.',
  );
}

function stoppedOutcome(error: StoppedError, parts: ExecutorParts): Outcome {
  if (error.by !== 'shutdown') return { kind: 'stopped', by: error.by, limitMs: parts.options.maxRunTimeMs };
  return { kind: 'postponed', code: 'shutdown', message: 'The node was shut down before the job began.' };
}

function failed(reason: 'infrastructure' | 'internal', code: string, message: string): Outcome {
  return { kind: 'failed', reason, code, message, exitCode: undefined };
}
