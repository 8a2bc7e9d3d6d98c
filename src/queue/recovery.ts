import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../job/errors.js';
import type { Store } from '../store/store.js';
import type { WorkerLog } from './worker.js';

export interface RecoveryParts {
  readonly store: Pick<Store, 'settleOwnJobs'>;
  readonly node: string;
  /** Removes every container that an earlier life of this node left in the engine. Returns how many there were. */
  readonly removeContainers: () => Promise<number>;
  readonly log: WorkerLog;
}

/** Between two tries while the engine or Postgres is away. */
const retryMs = 2_000;

/**
 * Settles what an earlier life of this node left, before it takes a job: first its containers go, only then may its
 * jobs be called lost and their queues go on, or two jobs of one queue could run at once. Repeats until it is done.
 */
export async function recoverNode(parts: RecoveryParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await recoverOnce(parts);
      return;
    } catch (error) {
      if (!(error instanceof BrokenError)) throw error;
      parts.log.error('could not settle what this node left when it ended; trying again', { error });
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function recoverOnce({ store, node, removeContainers, log }: RecoveryParts): Promise<void> {
  const containers = await removeContainers();
  const settled = await store.settleOwnJobs(node);
  for (const { id, state } of settled)
    log.info('settled a job of an earlier life of this node', { jobId: id, state });
  if (containers > 0) log.info('removed containers of an earlier life of this node', { containers });
}
