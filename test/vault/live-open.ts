import type { SessionHooks } from '../../src/executor/secrets.js';
import type { Secret } from '../../src/job/secret.js';
import type { LiveBench, LiveBenchOptions } from './live-bench.js';

/** A bench of its own for a test. */
export type Start = (more?: LiveBenchOptions) => Promise<LiveBench>;

/** A session that notes what it told. */
export function open(bench: LiveBench, wrap: Secret, more: Partial<SessionHooks> = {}) {
  const told = { accessor: '', revoked: false };
  const session = bench.secrets.session(wrap, {
    beforeSpending: async () => undefined,
    onToken: async (accessor) => {
      told.accessor = accessor;
    },
    onRevoked: async () => {
      told.revoked = true;
    },
    ...more,
  });
  return { session, told };
}
