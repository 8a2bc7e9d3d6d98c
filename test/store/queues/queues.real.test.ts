import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import {
  asker,
  claimOne,
  newJob,
  noOutput,
  stateOf,
  submit,
  submitAndClaim,
  succeeded,
  wait,
} from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
});

const action = { actor: 'entity:op', reason: 'maintenance' };

async function hasTurn(id: string): Promise<boolean> {
  const [row] = await sql`select turn from jobs where id = ${id}`;
  return row?.turn;
}

async function read(name = 'q') {
  const [row] = await store.readQueues({ name });
  if (row === undefined) throw new Error(`Expected a queue ${name}, got none.`);
  return row;
}

/** The last event of a queue. */
async function lastEvent(name = 'q') {
  const [row] =
    await sql`select kind, actor, detail, job_id from events where queue = ${name} order by seq desc limit 1`;
  return row;
}

const claimAny = () => store.claimJobs({ node: 'node-1', limit: 10, leaseMs: 30_000 });

async function countWaitingForLocks(): Promise<number> {
  const [row] = await sql`
    select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return row?.count;
}

describe('a pause', () => {
  test('takes the turn from a job that waits for a node, and nobody gets it while it lasts', async () => {
    const first = await submit(store);

    await store.pauseQueue('q', action);
    const second = await submit(store);

    expect([await hasTurn(first), await hasTurn(second)]).toEqual([false, false]);
    expect(await claimAny()).toEqual([]);
    expect(await read()).toMatchObject({
      pausedBy: 'entity:op',
      pausedReason: 'maintenance',
      pausedAt: expect.any(Date),
      holderId: null,
      waiting: 2,
      oldestSince: expect.any(Date),
    });
    expect(await lastEvent()).toMatchObject({
      kind: 'queue_paused',
      actor: 'entity:op',
      detail: { reason: 'maintenance' },
    });
  });

  test('lets a running job end, and the next one waits', async () => {
    const claim = await submitAndClaim(store);
    const next = await submit(store);
    await store.pauseQueue('q', action);

    const { nextReady } = await store.finishJob(claim, succeeded, noOutput);

    expect(nextReady).toBe(false);
    expect(await hasTurn(next)).toBe(false);
  });

  test('of a queue whose job is put back takes the turn from it', async () => {
    const claim = await submitAndClaim(store);
    await store.pauseQueue('q', action);

    await store.postponeJob(claim, wait);

    expect(await hasTurn(claim.id)).toBe(false);
    expect(await claimAny()).toEqual([]);
    await store.resumeQueue('q', 'entity:op');
    expect(await hasTurn(claim.id)).toBe(true);
  });

  test('of a queue whose job goes back because its node died takes the turn from it', async () => {
    const claim = await submitAndClaim(store);
    await store.pauseQueue('q', action);

    await store.settleOwnJobs('node-1');

    expect(await stateOf(store, claim.id)).toBe('queued');
    expect(await claimAny()).toEqual([]);
  });

  test('is kept as it was when somebody pauses again', async () => {
    await store.pauseQueue('q', action);
    await store.pauseQueue('q', { actor: 'entity:eve', reason: 'other' });

    expect(await read()).toMatchObject({ pausedBy: 'entity:op', pausedReason: 'maintenance' });
    expect(
      await sql`select 1 from events where queue = 'q' and kind = 'queue_paused' and actor = 'entity:eve'`,
    ).toEqual([]);
  });
});

describe('a pause that meets others', () => {
  test('may come before the first job', async () => {
    await store.pauseQueue('new', action);

    await submit(store, { queue: 'new' });

    expect(await claimAny()).toEqual([]);
  });

  test('leaves other queues alone', async () => {
    await store.pauseQueue('q', action);
    const other = await submit(store, { queue: 'other' });

    expect(await hasTurn(other)).toBe(true);
  });

  test('that meets a kill of the waiting job leaves the queue paused and neither of them waiting', async () => {
    for (let round = 0; round < 20; round++) {
      await database.clear();
      const first = await submit(store);
      const second = await submit(store);

      await Promise.all([store.pauseQueue('q', action), store.requestKill(first, asker)]);

      expect(await stateOf(store, first)).toBe('canceled');
      expect(await hasTurn(second)).toBe(false);
    }
  });

  test('that meets claims, submits and ends never lets a job begin after it', async () => {
    for (let round = 0; round < 20; round++) {
      await database.clear();
      const claim = await submitAndClaim(store);
      await submit(store);

      await Promise.all([
        store.pauseQueue('q', action),
        store.finishJob(claim, succeeded, noOutput),
        claimAny(),
        submit(store),
      ]);
      // A job that is claimed now was claimed before the pause; after it none is.
      expect(await claimAny()).toEqual([]);
    }
  });
});

describe('a resume', () => {
  test('gives the turn to the oldest', async () => {
    await store.pauseQueue('q', action);
    const first = await submit(store);
    const second = await submit(store);

    expect(await store.resumeQueue('q', 'entity:op')).toEqual({ answer: 'reopened', nextReady: true });

    expect([await hasTurn(first), await hasTurn(second)]).toEqual([true, false]);
    expect(await read()).toMatchObject({
      pausedAt: null,
      pausedBy: null,
      pausedReason: null,
      holderId: first,
    });
    expect(await lastEvent()).toMatchObject({ kind: 'queue_resumed', actor: 'entity:op' });
  });

  test('of a queue that is not paused changes nothing and records no event', async () => {
    await submit(store);

    expect(await store.resumeQueue('q', 'entity:op')).toEqual({ answer: 'unchanged', nextReady: false });
    expect(await store.resumeQueue('none', 'entity:op')).toEqual({ answer: 'missing', nextReady: false });
  });

  test('of a queue that is held as well lets no job run', async () => {
    const claim = await submitAndClaim(store);
    await store.configureQueue('q', { holdOnFailure: true }, 'entity:op');
    await store.finishJob(claim, failed, noOutput);
    const waiting = await submit(store);
    await store.pauseQueue('q', action);

    await store.resumeQueue('q', 'entity:op');

    expect(await hasTurn(waiting)).toBe(false);
    await store.releaseQueue('q', action);
    expect(await hasTurn(waiting)).toBe(true);
  });
});

const failed = {
  ...succeeded,
  state: 'failed',
  reason: 'exit_code',
  code: 'exit_code',
  message: 'No.',
  exitCode: 3,
} as const;

describe('a queue that failures hold', () => {
  test('is held by a job that fails until an operator releases it', async () => {
    await store.configureQueue('q', { holdOnFailure: true }, 'entity:op');
    const claim = await submitAndClaim(store);
    const next = await submit(store);

    await store.finishJob(claim, failed, noOutput);
    const late = await submit(store);

    expect([await hasTurn(next), await hasTurn(late)]).toEqual([false, false]);
    expect(await read()).toMatchObject({
      held: true,
      holdUntil: null,
      holdJob: claim.id,
      holdReason: 'job_failed',
    });
    expect(await lastEvent()).toMatchObject({ kind: 'queue_held', job_id: claim.id, actor: 'node:node-1' });
    expect(await store.endDueHolds('node-1')).toEqual({ ended: 0, nextReady: false });

    expect(await store.releaseQueue('q', action)).toEqual({ answer: 'reopened', nextReady: true });
    expect(await hasTurn(next)).toBe(true);
    expect(await lastEvent()).toMatchObject({
      kind: 'queue_released',
      job_id: claim.id,
      detail: { reason: 'maintenance', held_for: 'job_failed' },
    });
    expect(await store.releaseQueue('q', action)).toEqual({ answer: 'unchanged', nextReady: false });
  });

  test('is held by a job that is lost when its node dies', async () => {
    await store.configureQueue('q', { holdOnFailure: true }, 'entity:op');
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);
    await store.markRunning(claim);
    const next = await submit(store);
    await sql`update jobs set lease_until = clock_timestamp() - interval '1 hour' where id = ${claim.id}`;

    await store.settleDeadJobs('node-2', { graceMs: 0, holdMs: 1 });
    await store.endDueHolds('node-2');

    expect(await stateOf(store, claim.id)).toBe('lost');
    expect(await hasTurn(next)).toBe(false);
    expect(await read()).toMatchObject({ held: true, holdUntil: null, holdReason: 'job_lost' });
  });

  test.each(['succeeded', 'canceled'] as const)('goes on after a job that %s', async (state) => {
    await store.configureQueue('q', { holdOnFailure: true }, 'entity:op');
    const claim = await submitAndClaim(store);
    const next = await submit(store);

    await store.finishJob(claim, { ...succeeded, state }, noOutput);

    expect(await hasTurn(next)).toBe(true);
  });
});

test('a queue that failures do not hold goes on after one', async () => {
  const claim = await submitAndClaim(store);
  const next = await submit(store);

  await store.finishJob(claim, failed, noOutput);

  expect(await hasTurn(next)).toBe(true);
});

describe('Q11: a queue with a limit', () => {
  test('takes as many as may wait behind the one that has the turn', async () => {
    await store.configureQueue('q', { maxWaiting: 2 }, 'entity:op');
    for (let count = 0; count < 3; count++) await submit(store);

    await expect(store.insertJob(newJob())).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'queue_full',
    });

    expect(await read()).toMatchObject({ waiting: 2, maxWaiting: 2 });
    expect(await sql`select count(*)::int from job_requests`).toEqual([{ count: 3 }]);
    expect(await store.readQueueForecast('q', 0)).toMatchObject({ full: true, ahead: 3 });
    await claimOne(store);
    await submit(store, { queue: 'other' });
  });

  test('is never overfilled by submits that come at once', async () => {
    await store.configureQueue('q', { maxWaiting: 5 }, 'entity:op');
    const submits: Promise<unknown>[] = [];

    // All of them have read the queue before they wait for the lock: what they saw then must not count.
    await sql.begin(async (locked) => {
      await locked`select 1 from queues where name = 'q' for update`;
      submits.push(...Array.from({ length: 30 }, () => store.insertJob(newJob())));
      await expect.poll(countWaitingForLocks).toBeGreaterThan(1);
    });
    const answers = await Promise.allSettled(submits);

    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
    expect(await read()).toMatchObject({ waiting: 5 });
  });

  test('does not count the running job, and takes jobs again when one has ended', async () => {
    await store.configureQueue('q', { maxWaiting: 1 }, 'entity:op');
    const claim = await submitAndClaim(store);
    await submit(store);
    await expect(store.insertJob(newJob())).rejects.toMatchObject({ code: 'queue_full' });

    await store.finishJob(claim, succeeded, noOutput);

    expect((await store.readQueueForecast('q', 0)).full).toBe(false);
    await submit(store);
  });

  test('has its own limit, else that of the server, else none', async () => {
    await submit(store);
    await store.insertJob(newJob({ queueLimit: 1 }));
    await expect(store.insertJob(newJob({ queueLimit: 1 }))).rejects.toMatchObject({ code: 'queue_full' });
    expect([
      (await store.readQueueForecast('q', 1)).full,
      (await store.readQueueForecast('q', 0)).full,
    ]).toEqual([true, false]);

    await store.configureQueue('q', { maxWaiting: 3 }, 'entity:op');
    await store.insertJob(newJob({ queueLimit: 1 }));
    await store.configureQueue('q', { maxWaiting: null, holdOnFailure: true }, 'entity:op');
    await expect(store.insertJob(newJob({ queueLimit: 2 }))).rejects.toMatchObject({ code: 'queue_full' });
    await store.insertJob(newJob({ queueLimit: 0 }));

    expect(await read()).toMatchObject({ maxWaiting: null, holdOnFailure: true });
    await store.configureQueue('q', {}, 'entity:op');
    expect(await read()).toMatchObject({ maxWaiting: null, holdOnFailure: true });
  });

  test('counts also what waits while it is paused', async () => {
    await store.configureQueue('q', { maxWaiting: 1 }, 'entity:op');
    await store.pauseQueue('q', action);
    await submit(store);

    await expect(store.insertJob(newJob())).rejects.toMatchObject({ code: 'queue_full' });
    expect((await store.readQueueForecast('q', 0)).full).toBe(true);
  });
});

describe('the list', () => {
  test('lists queues in the order of names, page by page', async () => {
    for (const queue of ['b', '', 'a/x y']) await submit(store, { queue });
    await claimOne(store, 'node-7');

    const all = await store.readQueues({ after: null, limit: 10 });
    const page = await store.readQueues({ after: '', limit: 1 });

    expect(all.map(({ name }) => name)).toEqual(['', 'a/x y', 'b']);
    expect(page.map(({ name }) => name)).toEqual(['a/x y']);
    expect(all.at(-1)).toMatchObject({
      holderState: 'preparing',
      holderNode: 'node-7',
      waiting: 0,
      oldestSince: null,
    });
    expect(all[0]).toMatchObject({ holderState: 'queued', holderNode: null });
  });
});

test('a forecast says how many are ahead and how long the last ones ran', async () => {
  expect(await store.readQueueForecast('q', 0)).toEqual({ full: false, ahead: 0, typicalRunMs: null });
  for (const seconds of [1, 2, 30]) {
    const claim = await submitAndClaim(store);
    await store.finishJob(claim, succeeded, noOutput);
    await sql`update jobs set started_at = finished_at - ${seconds} * interval '1 second' where id = ${claim.id}`;
  }
  await submitAndClaim(store);
  await submit(store);

  expect(await store.readQueueForecast('q', 0)).toEqual({ full: false, ahead: 2, typicalRunMs: 2000 });
  expect(await store.readQueueForecast(null, 0)).toEqual({ full: false, ahead: 0, typicalRunMs: null });
});
