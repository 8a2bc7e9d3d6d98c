// Runs once at start: adopts or settles the jobs that the previous process of this node left.
import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { AdoptedRow } from '../../store/jobs/adopt.js';
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

export interface RecoveryParts {
  readonly store: Pick<Store, 'adoptOwnJobs' | 'extendLeases' | 'settleOwnJobs'>;
  readonly node: string;
  readonly leaseMs: number;
  /** Removes every container that the previous process of this node left in the engine, except those to be kept. */
  readonly removeContainers: (keep: (jobId: string) => boolean) => Promise<number>;
  readonly log: WorkerLog;
}

/** Pause between tries while a part is unavailable. Less than a lease: each try renews the leases of adopted jobs. */
const retryMs = 2_000;

/**
 * Takes over what the previous process of this node left, before the node claims a job; returns the adopted jobs. The
 * order matters: first the jobs whose containers may run are adopted, under new fences; then all other containers are
 * removed; only then are the other jobs settled and their queues go on. Otherwise two jobs of one queue could run at once.
 * Repeats until it succeeds; returns nothing when `signal` ends it.
 */
export async function recoverNode(parts: RecoveryParts, signal: AbortSignal): Promise<AdoptedRow[]> {
  let adopted: AdoptedRow[] | undefined;
  while (!signal.aborted) {
    try {
      if (adopted !== undefined) await parts.store.extendLeases(adopted, parts.leaseMs);
      adopted ??= await parts.store.adoptOwnJobs(parts.node, parts.leaseMs);
      await removeAndSettle(parts, adopted);
      return adopted;
    } catch (error) {
      if (!(error instanceof BrokenError)) throw error;
      parts.log.error('could not take over the jobs of the previous process; trying again', { error });
    }
    await delay(Math.min(retryMs, parts.leaseMs / 3), undefined, { signal }).catch(() => undefined);
  }
  return [];
}

async function removeAndSettle(parts: RecoveryParts, adopted: readonly AdoptedRow[]): Promise<void> {
  const { store, node, removeContainers, log } = parts;
  const adoptedIds = new Set(adopted.map((row) => row.id));
  const containers = await removeContainers((jobId) => adoptedIds.has(jobId));
  const settled = await store.settleOwnJobs(node, adopted);
  for (const { id, state } of settled)
    log.info('settled a job of the previous process', { jobId: id, state });
  if (containers > 0) log.info('removed containers of the previous process', { containers });
}
