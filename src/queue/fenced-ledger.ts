import type { Ledger } from '../executor/ledger.js';
import { type Stop, StoppedError } from '../executor/stop.js';
import { BrokenError } from '../job/errors.js';
import type { ClaimKey } from '../store/claim.js';
import type { Store } from '../store/store.js';

/** How long to wait before a statement is tried again while Postgres is away. */
const retryMs = 500;

/** Records a run under the fence of its claim. While Postgres is away it waits: a slow job, not a lost one. */
export function fencedLedger(store: Store, claim: ClaimKey & { node: string }, stop: Stop): Ledger {
  const unlessKilled = async (move: () => Promise<'moved' | 'kill_requested'>) => {
    if ((await persist(move)) === 'moved') return;
    stop.request('kill');
    throw new StoppedError('kill');
  };
  return {
    spending: () => unlessKilled(() => store.markSpending(claim)),
    tokenTaken: (accessor) => persist(() => store.markTokenTaken(claim, accessor)),
    tokenRevoked: () => store.markTokenRevoked(claim.id, `node:${claim.node}`).catch(() => undefined),
    prepared: (facts) => persist(() => store.markPrepared(claim, facts)),
    running: () => unlessKilled(() => store.markRunning(claim)),
    stopping: (why) => store.markStopping(claim, why),
    append: (chunk) => persist(() => store.appendOutput(claim, chunk)),
  };
}

/** Repeats a statement until Postgres answers. All statements given to it may be repeated: they are guarded. */
export async function persist<T>(statement: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (!(error instanceof BrokenError && error.code === 'database_unavailable')) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
