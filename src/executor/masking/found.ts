// What happens when a job prints one of its secrets.
import type { FoundSecret, RunRecorder } from '../run-recorder.js';

export type OnFound = (found: readonly FoundSecret[]) => Promise<void>;

interface Finding {
  readonly recorder: Pick<RunRecorder, 'masked'>;
  /** What disposing revokes, with all that it leased. Undefined where the job has none of its own. */
  readonly login: AsyncDisposable | undefined;
  /** The operator wants printed secrets to become worthless. */
  readonly revokes: boolean;
}

/**
 * Records it, then revokes the job's login where that is wanted. The job goes on: whether it can is its own business, and
 * anybody could have it stopped who can make it print a secret. Both may be repeated.
 */
export function whenFound({ recorder, login, revokes }: Finding): OnFound {
  const revoked = revokes ? login : undefined;
  return async (found) => {
    await recorder.masked(found, revoked !== undefined);
    await revoked?.[Symbol.asyncDispose]();
  };
}
