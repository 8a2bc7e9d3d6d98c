import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { activeStates, finalStates } from '../../../src/job/state.js';
import { openTestDatabase } from '../../support/database.js';
import {
  asker,
  claimOne,
  noOutput,
  stateOf,
  submit,
  submitInto,
  succeeded,
} from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const stranger = { reach: { everyone: false, ownerKey: 'entity:bob' }, actor: 'entity:bob' } as const;

async function hasTurn(id: string): Promise<boolean> {
  const [row] = await sql`select turn from jobs where id = ${id}`;
  return row?.turn;
}

async function kindsOf(id: string): Promise<string[]> {
  const rows = await sql`select kind from events where job_id = ${id} order by seq`;
  return rows.map((row) => row.kind);
}

describe('a kill', () => {
  test('ends a waiting job at once, deletes its credentials and passes the turn on', async () => {
    const first = await submit(store);
    const second = await submit(store);

    const answer = await store.requestKill(first, asker);

    expect(answer).toMatchObject({ job: { id: first, state: 'queued' }, nextReady: true });
    expect(await store.findJob(first, { everyone: true })).toMatchObject({
      job: {
        state: 'canceled',
        code: 'killed',
        message: 'job killed',
        killRequestedBy: 'entity:ann',
        finishedAt: expect.any(Date),
      },
    });
    expect(await sql`select job_id from job_requests`).toEqual([{ job_id: second }]);
    expect(await hasTurn(second)).toBe(true);
    expect(await kindsOf(first)).toEqual(['submitted', 'canceled']);
  });

  test('of a job without the turn leaves the turn where it is', async () => {
    const first = await submit(store);
    const second = await submit(store);
    await submit(store);

    const answer = await store.requestKill(second, asker);

    expect(answer?.nextReady).toBe(false);
    expect(await hasTurn(first)).toBe(true);
  });

  test.each(activeStates)(
    'of a job that is %s is recorded once and carried out by its worker',
    async (state) => {
      const { id } = await submitInto(store, state);

      const first = await store.requestKill(id, asker);
      const second = await store.requestKill(id, { ...asker, actor: 'entity:eve' });

      expect([first?.job.state, second?.job.state]).toEqual([state, state]);
      expect(first?.job.killRequestedAt).toBeInstanceOf(Date);
      expect((await store.findJob(id, { everyone: true }))?.job).toMatchObject({
        state,
        killRequestedBy: 'entity:ann',
      });
      expect((await kindsOf(id)).filter((kind) => kind === 'kill_requested')).toHaveLength(1);
    },
  );

  test.each(finalStates)('of a job that is %s changes nothing', async (state) => {
    const { id } = await submitInto(store, state);
    const before = await store.findJob(id, { everyone: true });

    const answer = await store.requestKill(id, asker);

    expect(answer?.job.state).toBe(state);
    expect(await store.findJob(id, { everyone: true })).toEqual(before);
  });

  test('of a job out of reach finds nothing', async () => {
    const id = await submit(store);

    expect(await store.requestKill(id, stranger)).toBeUndefined();
    expect(await store.requestKill('0'.repeat(24), asker)).toBeUndefined();
    expect(await stateOf(store, id)).toBe('queued');
  });
});

test.each([
  ['kill', (id: string) => store.requestKill(id, asker)],
  ['delete', (id: string) => store.deleteJob(id, asker)],
])('a %s of a job without the turn does not wait for a statement that passes the turn', async (_, ask) => {
  await submit(store);
  const second = await submit(store);
  const passing = await sql.reserve();
  await passing`begin`;
  await passing`select 1 from queues for update`;

  const answer = await Promise.race([
    ask(second),
    new Promise((resolve) => setTimeout(resolve, 2000, 'late')),
  ]);
  await passing`rollback`;
  passing.release();

  expect(answer).toMatchObject({ nextReady: false });
});

describe('a kill at the same time as', () => {
  test('a claim either ends the job or reaches its worker', async () => {
    for (let round = 0; round < 40; round++) {
      const id = await submit(store, { queue: null });
      const [, claims] = await Promise.all([
        store.requestKill(id, asker),
        store.claimJobs({ node: 'node-1', limit: 1, leaseMs: 30_000 }),
      ]);
      const [row] =
        await sql`select state, kill_requested_at is not null as asked from jobs where id = ${id}`;
      expect(row).toEqual({ state: claims.length === 1 ? 'preparing' : 'canceled', asked: true });
    }
  });

  test('the end of the job before passes the turn without a deadlock', {
    timeout: 20_000,
  }, async () => {
    const before = await countDeadlocks();
    for (let round = 0; round < 60; round++) {
      const queue = `race-${round}`;
      await submit(store, { queue });
      const running = await claimOne(store);
      const next = await submit(store, { queue });
      const last = await submit(store, { queue });
      await Promise.all([
        store.requestKill(next, asker),
        store.finishJob(running, succeeded, noOutput),
        store.deleteJob(next, asker),
      ]);
      expect(await hasTurn(last)).toBe(true);
      expect((await claimOne(store)).id).toBe(last);
    }
    expect(await countDeadlocks()).toBe(before);
  });
});

async function countDeadlocks(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql`select deadlocks::int from pg_stat_database where datname = current_database()`;
  return row?.deadlocks;
}

describe('a delete', () => {
  test('of a waiting job passes the turn on; its events stay', async () => {
    const first = await submit(store);
    const second = await submit(store);

    const answer = await store.deleteJob(first, asker);

    expect(answer).toEqual({ answer: 'deleted', nextReady: true });
    expect(await stateOf(store, first)).toBeUndefined();
    expect(await hasTurn(second)).toBe(true);
    expect(await kindsOf(first)).toEqual(['submitted', 'deleted']);
    expect(await sql`select job_id from job_requests`).toEqual([{ job_id: second }]);
  });

  test('of the last job of a queue leaves the queue open for the next', async () => {
    await store.deleteJob(await submit(store), asker);

    expect(await hasTurn(await submit(store))).toBe(true);
  });

  test.each(activeStates)('of a job that is %s does nothing', async (state) => {
    const { id } = await submitInto(store, state);

    expect(await store.deleteJob(id, asker)).toEqual({ answer: 'active', nextReady: false });
    expect(await stateOf(store, id)).toBe(state);
    expect(await kindsOf(id)).not.toContain('deleted');
  });

  test.each(finalStates)('of a job that is %s removes it with its output', async (state) => {
    const { id } = await submitInto(store, state);
    const chunk = { job_id: id, seq: 0, position: 0, runs: [1], bytes: Buffer.from('x') };
    await sql`insert into job_output ${sql(chunk)}`;

    expect(await store.deleteJob(id, asker)).toEqual({ answer: 'deleted', nextReady: false });
    expect(await sql`select 1 from job_output`).toHaveLength(0);
  });

  test('of a job out of reach looks like a missing one', async () => {
    const id = await submit(store);

    const missing = await store.deleteJob('0'.repeat(24), asker);

    expect(await store.deleteJob(id, stranger)).toEqual(missing);
    expect(missing).toEqual({ answer: 'missing', nextReady: false });
  });
});
