import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { FencedError } from '../../src/job/errors.js';
import type { ClaimKey } from '../../src/store/jobs/claim.js';
import { openTestDatabase } from '../support/database.js';
import {
  asker,
  claimOne,
  noOutput,
  stateOf,
  submit,
  submitAndClaim,
  submitInto,
  succeeded,
} from '../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
  await sql`truncate nodes`;
  await store.seeNode({ id: 'node-1', engineId: 'engine-1', version: '1', slots: 1 });
});

const rules = { graceMs: 30_000, holdMs: 300_000 };

/** The leases of all jobs ended so long ago. */
async function silence(seconds: number): Promise<void> {
  await sql`update jobs set lease_until = clock_timestamp() - ${seconds} * interval '1 second'
            where lease_until is not null`;
}

async function settle() {
  const settled = await store.settleDeadJobs('node-2', rules);
  return Object.fromEntries(settled.map(({ id, state }) => [id, state]));
}

async function queueRow(name = 'q') {
  const [row] = await sql`
    select hold_job, hold_reason, hold_engine, holder, (hold_until - clock_timestamp()) > interval '4 minutes' as long
    from queues where name = ${name}`;
  return row;
}

describe('a job whose node is silent', () => {
  test('is left alone until the grace after its lease is over', async () => {
    const claim = await submitAndClaim(store);

    expect(await settle()).toEqual({});
    await silence(29);
    expect(await settle()).toEqual({});
    await silence(31);
    expect(await settle()).toEqual({ [claim.id]: 'queued' });
  });

  test('and that had not begun goes back to its place, and its old claim changes nothing', async () => {
    const claim = await submitAndClaim(store);
    const behind = await submit(store);
    await silence(31);

    await settle();

    expect((await store.findJob(claim.id, asker.reach))?.job).toMatchObject({
      state: 'queued',
      code: 'node_lost',
      message: 'The node that had taken the job died before the job began.',
    });
    await expect(store.markSpending(claim)).rejects.toThrow(FencedError);
    expect(await store.extendLeases([claim], 30_000)).toEqual([]);
    const next = await claimOne(store, 'node-2');
    expect(next.id).toBe(claim.id);
    expect(next.sealed).not.toBeNull();
    expect(await store.extendLeases([claim], 30_000)).toEqual([]);
    expect(await stateOf(store, behind)).toBe('queued');
  });

  test.each(['running', 'stopping'] as const)(
    'Q6: and that was %s is lost, and its queue is held',
    async (state) => {
      const claim = await submitInto(store, state);
      const next = await submit(store);
      await silence(31);

      expect(await settle()).toEqual({ [claim.id]: 'lost' });

      expect(await store.findJob(claim.id, asker.reach)).toMatchObject({
        job: { state: 'lost', code: 'node_lost', finishedAt: expect.any(Date) },
        outputFlaw: 'node_lost',
      });
      expect(await queueRow()).toEqual({
        hold_job: claim.id,
        hold_reason: 'node_lost',
        hold_engine: 'engine-1',
        holder: claim.id,
        long: true,
      });
      expect(await store.claimJobs({ node: 'node-2', limit: 9, leaseMs: 30_000 })).toEqual([]);
      expect(await stateOf(store, next)).toBe('queued');
      const late = await submit(store);
      expect(await store.claimJobs({ node: 'node-2', limit: 9, leaseMs: 30_000 })).toEqual([]);
      expect(await stateOf(store, late)).toBe('queued');
    },
  );
});

describe('a silent node’s job', () => {
  test('that was never started is lost without a hold, since its node starts nothing any more', async () => {
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);
    const next = await submit(store);
    await silence(31);

    expect(await settle()).toEqual({ [claim.id]: 'lost' });

    expect(await store.markRunning(claim).catch((error: unknown) => error)).toBeInstanceOf(FencedError);
    expect((await claimOne(store, 'node-2')).id).toBe(next);
  });

  test('that was to be killed before it began is canceled', async () => {
    const claim = await submitAndClaim(store);
    const next = await submit(store);
    await store.requestKill(claim.id, asker);
    await silence(31);

    expect(await settle()).toEqual({ [claim.id]: 'canceled' });

    expect((await claimOne(store, 'node-2')).id).toBe(next);
  });

  test('is settled when the node comes back with its end', async () => {
    const claim = await submitInto(store, 'running');
    await silence(31);
    await settle();

    await expect(store.finishJob(claim, succeeded, noOutput)).rejects.toThrow(FencedError);
    await expect(store.appendOutput(claim, chunk)).rejects.toThrow(FencedError);
    await store.markStopping(claim, 'kill');

    expect(await stateOf(store, claim.id)).toBe('lost');
  });
});

const chunk = {
  seq: 0,
  position: 0,
  runs: [1],
  bytes: Buffer.from('x'),
  raw: { stdout: 1, stderr: 0 },
  drop: undefined,
};

test('G4: all jobs of a node settle at once, each with one event, and several nodes settle each job once', async () => {
  const claims: ClaimKey[] = [];
  for (const queue of ['a', 'b', 'c']) claims.push(await submitAndClaim(store, { queue }));
  for (const queue of ['d', 'e', null]) claims.push(await submitInto(store, 'running', { queue }));
  await silence(31);

  const settled = await Promise.all(
    ['node-2', 'node-3', 'node-4'].map((node) => store.settleDeadJobs(node, rules)),
  );

  expect(
    settled
      .flat()
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(claims.map(({ id }) => id).toSorted());
  const events = await sql`select count(*)::int as count from events
    where job_id in ${sql(claims.map(({ id }) => id))} and detail->>'code' = 'node_lost'`;
  expect(events).toEqual([{ count: 6 }]);
  expect(await sql`select name from queues where hold_until is not null order by name`).toEqual([
    { name: 'd' },
    { name: 'e' },
  ]);
});

test('Q11: a job that is active when its node dies is set aside at the third time, and the next one runs', async () => {
  const id = await submit(store);
  const next = await submit(store);
  for (const state of ['queued', 'queued', 'failed']) {
    expect((await claimOne(store)).id).toBe(id);
    await silence(31);
    expect(await settle()).toEqual({ [id]: state });
  }

  expect((await store.findJob(id, asker.reach))?.job).toMatchObject({
    reason: 'infrastructure',
    code: 'node_killer',
  });
  expect(await sql`select job_id from job_requests`).toEqual([{ job_id: next }]);
  expect((await claimOne(store)).id).toBe(next);
});

test('Q11: restarts of its node count as well, replies that were lost do not', async () => {
  const id = await submit(store);
  const states: string[] = [];
  for (const cause of ['unsure', 'unsure', 'unsure', 'restarted', 'restarted', 'restarted'] as const) {
    await claimOne(store);
    states.push(...(await store.settleOwnJobs('node-1', [], cause)).map(({ state }) => state));
  }

  expect(states).toEqual(['queued', 'queued', 'queued', 'queued', 'queued', 'failed']);
  expect((await store.findJob(id, asker.reach))?.job).toMatchObject({ code: 'node_killer' });
});

/** A lost job whose queue is held, and the one behind it. */
async function hold(): Promise<{ lost: string; next: string }> {
  const { id: lost } = await submitInto(store, 'running');
  const next = await submit(store);
  await silence(31);
  await settle();
  return { lost, next };
}

function endsOf(id: string) {
  return sql`select queue, actor, detail from events where job_id = ${id} and kind = 'hold_ended'`;
}

describe('a hold for a lost job', () => {
  test('is shown to the nodes of its engine only', async () => {
    const { lost } = await hold();

    expect(await store.listHolds('node-1', 'engine-2')).toEqual([]);
    expect(await store.listHolds('node-1', undefined)).toEqual([]);
    expect(await store.listHolds('node-7', 'engine-1')).toEqual([{ queue: 'q', jobId: lost, isOwn: false }]);
  });

  test('is shown to the node itself where nobody knows its engine', async () => {
    await sql`truncate nodes`;
    const { lost } = await hold();

    expect(await store.listHolds('node-7', 'engine-1')).toEqual([]);
    expect(await store.listHolds('node-1', 'engine-1')).toEqual([{ queue: 'q', jobId: lost, isOwn: true }]);
  });

  test('ends once, when the container is gone, and the queue goes on', async () => {
    const { lost, next } = await hold();

    const ends = await Promise.all([1, 2, 3].map(() => store.endHold({ queue: 'q', jobId: lost }, 'node-7')));

    expect(ends.filter(({ nextReady }) => nextReady)).toHaveLength(1);
    expect((await claimOne(store, 'node-2')).id).toBe(next);
    expect(await endsOf(lost)).toEqual([
      { queue: 'q', actor: 'node:node-7', detail: { why: 'container_gone' } },
    ]);
  });

  test('does not end by what is known of another job', async () => {
    const { next } = await hold();

    await store.endHold({ queue: 'q', jobId: next }, 'node-7');

    expect(await store.claimJobs({ node: 'node-2', limit: 1, leaseMs: 30_000 })).toEqual([]);
  });

  test('ends when its time is over, not before, and says so', async () => {
    const { lost, next } = await hold();

    expect(await store.endDueHolds('node-2')).toEqual({ ended: 0, nextReady: false });
    await sql`update queues set hold_until = clock_timestamp()`;
    expect(await store.endDueHolds('node-2')).toEqual({ ended: 1, nextReady: true });

    expect((await claimOne(store, 'node-2')).id).toBe(next);
    expect(await endsOf(lost)).toEqual([{ queue: 'q', actor: 'node:node-2', detail: { why: 'time_over' } }]);
  });

  test('keeps the reaper from the container, which would take the proof away', async () => {
    const { lost } = await hold();
    expect(await store.readJobFates([lost])).toEqual(new Map([[lost, 'alive']]));

    await store.endHold({ queue: 'q', jobId: lost }, 'node-7');

    expect(await store.readJobFates([lost])).toEqual(new Map([[lost, 'ended']]));
  });

  test('that only an operator may end ends neither by time nor by proof', async () => {
    const { lost } = await hold();
    await sql`update queues set hold_until = 'infinity', hold_reason = 'job_lost'`;

    await store.endDueHolds('node-2');
    await store.endHold({ queue: 'q', jobId: lost }, 'node-2');

    expect(await store.claimJobs({ node: 'node-2', limit: 1, leaseMs: 30_000 })).toEqual([]);
  });
});

async function listed(node: string): Promise<string[]> {
  return (await store.listUnrevoked(node, 60_000)).map(({ id }) => id);
}

describe('V7: a token that was left alive', () => {
  test('by a lost node is everybody’s at once', async () => {
    const { id } = await submitInto(store, 'running');
    await silence(31);
    await settle();

    expect(await listed('node-2')).toEqual([id]);
    await store.markTokenRevoked(id, 'node:node-2');
    expect(await listed('node-1')).toEqual([]);
  });

  test('of a live node is revoked by that node, and by any node after a while', async () => {
    const { id } = await submitInto(store, 'succeeded');
    expect([await listed('node-1'), await listed('node-2')]).toEqual([[id], []]);

    await sql`update jobs set finished_at = finished_at - interval '61 seconds'`;

    expect(await listed('node-2')).toEqual([id]);
  });
});
