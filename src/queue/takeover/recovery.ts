import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { AdoptedRow } from '../../store/jobs/adopt.js';
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

export interface RecoveryParts {
  readonly store: Pick<Store, 'adoptOwnJobs' | 'extendLeases' | 'settleOwnJobs'>;
  readonly node: string;
  readonly leaseMs: number;
  /** Removes every container that an earlier life of this node left in the engine, but for those of jobs that go on. */
  readonly removeContainers: (keep: (jobId: string) => boolean) => Promise<number>;
  readonly log: WorkerLog;
}

/** Between two tries while the engine or Postgres is away; less than a lease, since each try renews it for what is adopted. */
const retryMs = 2_000;

/**
 * Takes over what an earlier life of this node left, before it takes a job, and returns the jobs that go on. In this
 * order: first the jobs whose containers may run are adopted, under new fences; then all other containers go; only then
 * may the other jobs be called lost and their queues go on, or two jobs of one queue could run at once. Repeats until it
 * is done; nothing is returned when it was told to end.
 */
export async function recoverNode(parts: RecoveryParts, signal: AbortSignal): Promise<AdoptedRow[]> {
  let adopted: AdoptedRow[] | undefined;
  while (!signal.aborted) {
    try {
      if (adopted !== undefined) await parts.store.extendLeases(adopted, parts.leaseMs);
      adopted ??= await parts.store.adoptOwnJobs(parts.node, parts.leaseMs);
      await clearAway(parts, adopted);
      return adopted;
    } catch (error) {
      if (!(error instanceof BrokenError)) throw error;
      parts.log.error('could not settle what this node left when it ended; trying again', { error });
    }
    await delay(Math.min(retryMs, parts.leaseMs / 3), undefined, { signal }).catch(() => undefined);
  }
  return [];
}

async function clearAway(parts: RecoveryParts, adopted: readonly AdoptedRow[]): Promise<void> {
  const { store, node, removeContainers, log } = parts;
  const goingOn = new Set(adopted.map((row) => row.id));
  const containers = await removeContainers((jobId) => goingOn.has(jobId));
  const settled = await store.settleOwnJobs(node, adopted);
  for (const { id, state } of settled)
    log.info('settled a job of an earlier life of this node', { jobId: id, state });
  if (containers > 0) log.info('removed containers of an earlier life of this node', { containers });
}
