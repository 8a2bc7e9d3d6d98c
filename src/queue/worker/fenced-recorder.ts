// The run recorder of a worker: writes a run's progress under its fence and waits while Postgres is unavailable.
import type { RunRecorder } from '../../executor/run-recorder.js';
import { StoppedError } from '../../executor/stop.js';
import { BrokenError, FencedError } from '../../job/errors.js';
import { type FailpointName, failpoint } from '../../job/failpoint.js';
import type { Store } from '../../store/store.js';
import type { ActiveJob } from './active-job.js';

/** Pause before a statement is tried again while Postgres is unavailable. */
const retryMs = 500;

/** Records a run under the fence of its claim. While Postgres is unavailable it waits: the job is slow, but not lost. */
export function fencedRecorder(store: Store, job: ActiveJob): RunRecorder {
  const { claim, stop } = job;
  const unlessKilled = async (move: () => Promise<'moved' | 'kill_requested'>) => {
    if ((await persist(move)) === 'moved') return;
    stop.request('kill');
    throw new StoppedError('kill');
  };
  return {
    spending: async () => {
      job.begins();
      await unlessKilled(() => store.markSpending(claim));
      await failpoint('before-unwrap');
      await renewLocalLease(store, job);
    },
    tokenTaken: (accessor) =>
      then(
        'after-token-recorded',
        persist(() => store.markTokenTaken(claim, accessor)),
      ),
    secretsRead: (reads) => persist(() => store.recordReads(claim, claim.node, reads)),
    tokenRevoked: async (renewals) => {
      await failpoint('after-revoke');
      await store.markTokenRevoked(claim.id, `node:${claim.node}`, renewals).catch(() => undefined);
    },
    prepared: (facts) =>
      then(
        'after-prepare',
        persist(() => store.markPrepared(claim, facts)),
      ),
    running: async (unmasked) => {
      job.begins();
      await unlessKilled(() => store.markRunning(claim, unmasked));
      await failpoint('before-start');
      await renewLocalLease(store, job);
    },
    started: () => job.starts(),
    published: (ports) => persist(() => store.markPublished(claim, ports)),
    stopping: (why) => store.markStopping(claim, why),
    masked: (found, revokes) =>
      then(
        'after-secret-found',
        persist(() => store.recordMasked(claim, found, revokes)),
      ),
    append: (chunk) =>
      then(
        'first-output-stored',
        persist(() => store.appendOutput(claim, chunk)),
      ),
    appendPipe: (name, chunk) => persist(() => store.appendPipe(claim, name, chunk)),
  };
}

/**
 * Unwrap and start cannot be undone, so they happen only while the claim is certainly ours. After a pause of the process
 * or an outage of Postgres the database is asked again.
 */
async function renewLocalLease(store: Store, { claim, leaseMs, localLease }: ActiveJob): Promise<void> {
  while (!localLease.holds) {
    const begunAt = performance.now();
    const rows = await persist(() => store.extendLeases([claim], leaseMs));
    if (rows.length === 0) throw new FencedError('The claim of this job is no longer ours.');
    localLease.renewed(begunAt);
  }
}

/** Waits for a record, then passes the failpoint. */
async function then(name: FailpointName, recorded: Promise<void>): Promise<void> {
  await recorded;
  await failpoint(name);
}

/** Repeats a statement until Postgres answers. Only for statements that are safe to repeat, as all fenced ones are. */
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
