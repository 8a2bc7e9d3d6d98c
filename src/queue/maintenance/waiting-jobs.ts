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

/** A kill is promised to be heard within a second, whatever becomes of the notifier. */
const intervalMs = 900;

/**
 * What needs a look now and then: waiting jobs whose credentials ended, turns that paused queues must not have, and kills
 * of this node's jobs whose notifier nobody heard. Until it is disposed of; one round at a time.
 */
export function sweepWaitingJobs(parts: WaitingJobsParts): AsyncDisposable {
  const onError = (error: unknown) => {
    // While Postgres is unavailable others say so already.
    if (!(error instanceof BrokenError && error.retryable))
      parts.log.error('could not look after waiting jobs', { error });
  };
  return runPeriodically({ firstMs: intervalMs, intervalMs, round: () => sweepOnce(parts), onError });
}

async function sweepOnce(parts: WaitingJobsParts): Promise<void> {
  await passOnMissedKills(parts);
  await endExpired(parts);
  await parts.store.withholdTurns();
}

async function passOnMissedKills({ store, node, kill }: WaitingJobsParts): Promise<void> {
  for (const { id } of await store.listKills(node)) kill(id);
}

async function endExpired({ store, node, wake, log }: WaitingJobsParts): Promise<void> {
  const expired = await store.expireWaiting(`node:${node}`);
  for (const { id, queue } of expired)
    log.info('ended a job whose wrap expired while it waited', { jobId: id, queue });
  if (expired.some(({ next }) => next !== null)) wake();
}
