// Lets a caller reach the jobs of others where Vault grants it: asked only for what is not the caller's own.

import { RefusedError } from '../../job/errors.js';
import type { JobName } from '../../job/job.js';
import { ownOnly, type Reach } from '../../job/owner.js';
import type { Right } from '../../job/rights/rights.js';
import type { Whereabouts } from './whereabouts.js';

const everyone = { everyone: true } as const;

/** What is asked for, of which job. */
export interface Wish {
  readonly id: string;
  readonly reach: Reach;
  readonly needed: Right;
}

/**
 * Does it within the caller's own reach first. Where that finds nothing, Vault is asked for the right in the job's queue; for a
 * missing job too, so that it costs as much as the job of somebody else. The queue of a job never changes.
 */
export async function reaching<T>(
  whereabouts: Whereabouts,
  wish: Wish,
  act: (reach: Reach) => Promise<T>,
): Promise<T> {
  try {
    return await act(ownOnly(wish.reach));
  } catch (error) {
    if (!isMissing(error) || !(await isGranted(whereabouts, wish))) throw error;
  }
  return act(everyone);
}

export async function isGranted(whereabouts: Whereabouts, { id, reach, needed }: Wish): Promise<boolean> {
  if (reach.everyone || reach.rights === undefined) return false;
  const queue = await whereabouts.queueOf(id);
  const granted = await reach.rights.inQueues([needed], [queue ?? null]);
  return queue !== undefined && granted.length > 0;
}

/** The newest job of a name that the caller may see though it is somebody else's. */
export async function grantedNamed(
  whereabouts: Whereabouts,
  name: JobName,
  reach: Reach,
): Promise<string | undefined> {
  if (reach.everyone || reach.rights === undefined) return undefined;
  const found = await whereabouts.named(name);
  const queues = found.length === 0 ? [null] : [...new Set(found.map(({ queue }) => queue))];
  const granted = await reach.rights.inQueues(['read'], queues);
  return found.find(({ queue }) => granted === 'all' || granted.includes(queue))?.id;
}

/** What lists show: the caller's own, and what Vault grants. */
export async function reachOfLists(whereabouts: Whereabouts, reach: Reach, queue?: string): Promise<Reach> {
  const { rights } = reach;
  if (reach.everyone || rights === undefined) return ownOnly(reach);
  const granted =
    queue === undefined
      ? await rights.inLists(() => whereabouts.queues())
      : await rights.inQueues(['read', 'list'], [queue]);
  return granted === 'all' ? everyone : { everyone: false, ownerKey: reach.ownerKey, queues: granted };
}

export function isMissing(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'not_found';
}
