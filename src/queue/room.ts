// Whether more may wait: bounds of the jobs and bytes that wait, for an owner and in all.
import { RefusedError } from '../job/errors.js';
import type { Waiting } from '../store/queues/waiting-totals.js';
import type { Store } from '../store/store.js';

/** 0: any number. */
export interface WaitingLimits {
  readonly owner: Waiting;
  readonly all: Waiting;
}

export interface RoomParts {
  readonly store: Pick<Store, 'readWaiting'>;
  /** Undefined: any number may wait. */
  readonly waitingLimits?: WaitingLimits | undefined;
}

/**
 * Refuses where as much waits as may. It is asked before anything of a submit is spent, so submits in work at the same moment
 * do not see each other: they may go beyond the limits together, each by one job.
 */
export async function refuseWithoutRoom(parts: RoomParts, ownerKey: string): Promise<void> {
  const full = await findFull(parts, ownerKey);
  if (full !== undefined) throw new RefusedError(full, texts[full]);
}

export async function hasRoom(parts: RoomParts, ownerKey: string): Promise<boolean> {
  return (await findFull(parts, ownerKey)) === undefined;
}

async function findFull({ store, waitingLimits: limits }: RoomParts, ownerKey: string) {
  if (limits === undefined) return undefined;
  const { owner, all } = await store.readWaiting(ownerKey);
  if (isReached(limits.owner, owner)) return 'owner_full';
  return isReached(limits.all, all) ? 'waiting_full' : undefined;
}

function isReached(limit: Waiting, { jobs, bytes }: Waiting): boolean {
  return (limit.jobs > 0 && jobs >= limit.jobs) || (limit.bytes > 0 && bytes >= limit.bytes);
}

/** The second one tells nobody how much of others waits. */
const texts = {
  owner_full:
    'As many of your jobs wait, or as many bytes of their requests, as one owner may have: STINT_OWNER_WAITING and ' +
    'STINT_OWNER_WAITING_BYTES say how many. Submit the job again when some of them have begun, or kill some. Nothing was spent.',
  waiting_full:
    'As many jobs wait here, or as many bytes of their requests, as may: STINT_WAITING and STINT_WAITING_BYTES say how ' +
    'many. Submit the job again later. Nothing was spent.',
} as const;
