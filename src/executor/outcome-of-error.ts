import { BrokenError, FencedError, JobFailedError } from '../job/errors.js';
import type { Outcome } from '../job/outcome.js';
import type { ExecutorParts } from './run.js';
import { StoppedError } from './stop.js';

/**
 * Turns whatever a step before the start threw into an outcome. A part that is away postpones the job: by contract
 * a retryable `BrokenError` says that nothing was spent. A shutdown does so too while nothing was spent; the database
 * refuses to postpone a job whose credentials are gone, and it fails then.
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
    'stint met an error of its own; its log tells more under this job id.',
  );
}

function stoppedOutcome(error: StoppedError, parts: ExecutorParts): Outcome {
  if (error.by !== 'shutdown') return { kind: 'stopped', by: error.by, limitMs: parts.options.maxRunTimeMs };
  return { kind: 'postponed', code: 'shutdown', message: 'The node was shut down before the job began.' };
}

function failed(reason: 'infrastructure' | 'internal', code: string, message: string): Outcome {
  return { kind: 'failed', reason, code, message, exitCode: undefined };
}
