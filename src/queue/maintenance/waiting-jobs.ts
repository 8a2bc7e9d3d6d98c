// About once a second: carries out missed kills, ends expired waiting jobs, withdraws turns of closed queues.
import { BrokenError } from '../../job/errors.js';
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';
import { runPeriodically } from './periodic.js';

export interface WaitingJobsParts {
  readonly store: Pick<Store, 'expireWaiting' | 'withholdTurns' | 'listKills'>;
  readonly node: string;
  /** A job may run now: wakes this node and the others. */
  readonly wake: () => void;
  /** Ends a job of this node. May be repeated. */
  readonly kill: (jobId: string) => void;
  readonly log: WorkerLog;
}

/** A kill must reach its job within a second, also when its notification is missed. */
const intervalMs = 900;

/**
 * Periodically ends waiting jobs whose credentials have expired, takes turns back from paused and held queues, and carries
 * out kills of this node's jobs whose notification was missed. Until disposed; never two rounds at once.
 */
export function sweepWaitingJobs(parts: WaitingJobsParts): AsyncDisposable {
  const onError = (error: unknown) => {
    // While Postgres is unavailable other parts log it already.
    if (!(error instanceof BrokenError && error.retryable))
      parts.log.error('the sweep of waiting jobs failed; trying again', { error });
  };
  return runPeriodically({ firstMs: intervalMs, intervalMs, round: () => sweepOnce(parts), onError });
}

async function sweepOnce(parts: WaitingJobsParts): Promise<void> {
  await forwardMissedKills(parts);
  await endExpired(parts);
  await parts.store.withholdTurns();
}

async function forwardMissedKills({ store, node, kill }: WaitingJobsParts): Promise<void> {
  for (const { id } of await store.listKills(node)) kill(id);
}

async function endExpired({ store, node, wake, log }: WaitingJobsParts): Promise<void> {
  const expired = await store.expireWaiting(`node:${node}`);
  for (const { id, queue } of expired)
    log.info('ended a job whose wrapping token expired while it waited', { jobId: id, queue });
  if (expired.some(({ next }) => next !== null)) wake();
}
