import { newJobId } from '../../src/job/id.js';
import { type Verdict, verdictOf } from '../../src/job/outcome.js';
import type { JobState } from '../../src/job/state.js';
import type { ClaimedRow } from '../../src/store/jobs/claim.js';
import type { NewJob } from '../../src/store/jobs/submit.js';
import type { Store } from '../../src/store/store.js';

export const owner = { key: 'entity:ann', displayName: 'Ann' };
export const asker = { reach: { everyone: true }, actor: 'entity:ann' } as const;
export const noOutput = { stdoutBytes: 0, stderrBytes: 0, flaw: undefined };
export const succeeded: Verdict = verdictOf({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 0,
});
export const facts = {
  image: 'busybox',
  imageId: 'sha256:1',
  imageDigest: `sha256:${'d'.repeat(64)}`,
  containerId: 'c1',
  tty: false,
};
export const wait = { code: 'vault_unavailable', message: 'Vault is sealed.', delayMs: 0 };

export function newJob(options: Partial<NewJob> = {}): NewJob {
  return { id: newJobId(), door: 'gostint', queue: 'q', owner, sealed: Buffer.from('sealed'), ...options };
}

/** Stores a job and returns its id. */
export async function submit(store: Store, options: Partial<NewJob> = {}): Promise<string> {
  const { job } = await store.insertJob(newJob(options));
  return job.id;
}

/** Claims one job, which must be there. */
export async function claimOne(store: Store, node = 'node-1'): Promise<ClaimedRow> {
  const [row] = await store.claimJobs({ node, limit: 1, leaseMs: 30_000 });
  if (row === undefined) throw new Error('Expected a job to be claimed, got none.');
  return row;
}

/** Submits and claims a job. */
export async function submitAndClaim(store: Store, options: Partial<NewJob> = {}): Promise<ClaimedRow> {
  await submit(store, options);
  return claimOne(store);
}

/** Submits a job and moves it into a state as a worker does. No other job may be ready. */
export async function submitInto(store: Store, state: JobState, options: Partial<NewJob> = {}) {
  const id = await submit(store, options);
  if (state === 'queued') return { id, fence: '0' };
  const claim = await claimOne(store);
  await advance(store, claim, state);
  return { id, fence: claim.fence };
}

async function advance(store: Store, claim: ClaimedRow, state: JobState): Promise<void> {
  if (state === 'preparing') return;
  await store.markSpending(claim);
  await store.markTokenTaken(claim, 'accessor-1');
  await store.markRunning(claim);
  if (state === 'running') return;
  if (state === 'stopping') return store.markStopping(claim, 'kill');
  await store.finishJob(claim, verdicts[state as keyof typeof verdicts], noOutput);
}

const verdicts = {
  succeeded,
  failed: verdictOf({
    kind: 'failed',
    reason: 'exit_code',
    code: 'exit_code',
    message: 'It failed.',
    exitCode: 3,
  }),
  canceled: verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 }),
  lost: verdictOf({ kind: 'vanished', message: 'The engine vanished.' }),
};

/** The state of a job as it is stored; undefined when there is none. */
export async function stateOf(store: Store, id: string): Promise<JobState | undefined> {
  return (await store.findJob(id, { everyone: true }))?.job.state;
}
