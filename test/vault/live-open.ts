import type { SessionHooks } from '../../src/executor/secrets.js';
import type { Secret } from '../../src/job/secret.js';
import type { LiveBench, LiveBenchOptions } from './live-bench.js';

/** A bench of its own for a test. */
export type Start = (more?: LiveBenchOptions) => Promise<LiveBench>;

/** A session whose hooks record what it reported. */
export function open(bench: LiveBench, wrappingToken: Secret, more: Partial<SessionHooks> = {}) {
  const reported = { accessor: '', revoked: false };
  const session = bench.secrets.session(wrappingToken, {
    beforeSpending: async () => undefined,
    onToken: async (accessor) => {
      reported.accessor = accessor;
    },
    onRevoked: async () => {
      reported.revoked = true;
    },
    ...more,
  });
  return { session, reported };
}
