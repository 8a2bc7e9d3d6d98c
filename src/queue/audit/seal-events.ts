// Puts the events of the history into links of the chain, so that a later change of them is found.
import { nextLink } from '../../job/audit/chain.js';
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

export interface SealParts {
  readonly store: Pick<Store, 'readChainEnd' | 'readUnsealed' | 'readUnsealedAge' | 'appendLink'>;
  readonly log: WorkerLog;
}

/** As many events as a link has at most: whoever verifies it reads them at once. */
export const linkSize = 1_000;
/** A transaction that is open for longer keeps the history from being sealed: nobody of stint's has one. */
const overdueMs = 10 * 60_000;

/**
 * Seals what is there for good. Any number of nodes may do it at once: a link is added behind the end that it was made for,
 * or not at all, and whoever comes late leaves the rest to the others. Returns how many events it sealed. A process that
 * dies here has added a link or has not.
 */
export async function sealEvents({ store, log }: SealParts): Promise<number> {
  for (let sealed = 0; ; ) {
    const end = await store.readChainEnd();
    if (end === undefined) throw new Error('Expected the chain of events to have a first link, got none.');
    const events = await store.readUnsealed(end, linkSize);
    if (events.length === 0) {
      await warnOfAge({ store, log }, await store.readUnsealedAge(end));
      return sealed;
    }
    if (!(await store.appendLink(end, nextLink(end, events)))) return sealed;
    sealed += events.length;
  }
}

async function warnOfAge({ log }: SealParts, ageMs: number): Promise<void> {
  if (ageMs < overdueMs) return;
  log.error(
    'the history waits to be sealed: a transaction is open in this Postgres server, see pg_stat_activity',
    {
      waitingSeconds: Math.round(ageMs / 1000),
    },
  );
}
