import connect from 'postgres';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { insertJob, readQueueForecast } from '../../../src/store/jobs/submit.js';
import type { Sql } from '../../../src/store/postgres/connection.js';
import { readWaiting } from '../../../src/store/queues/waiting-totals.js';
import { openTestDatabase } from '../../support/database.js';
import { pagesOf } from '../../support/pages.js';
import {
  asker,
  claimOne,
  newJob,
  noOutput,
  submit,
  submitInto,
  succeeded,
} from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const bob = { key: 'entity:bob', displayName: 'Bob' };
const nothing = { jobs: 0, bytes: 0 };

/** What is stored, counted one by one. */
async function counted() {
  return sql`
    select coalesce(counted_for, '') as owner, count(*)::int as jobs, sum(octet_length(sealed))::int as bytes
    from job_requests group by rollup (counted_for) having count(*) > 0 order by owner`;
}

async function totals() {
  return sql`
    select owner_key as owner, sum(jobs)::int as jobs, sum(bytes)::int as bytes from waiting_totals
    group by owner_key having sum(jobs) <> 0 or sum(bytes) <> 0 order by owner`;
}

test('what waits is counted with its bytes, for its owner and in all', async () => {
  await submit(store, { queue: 'a', sealed: Buffer.alloc(100) });
  await submit(store, { queue: 'b', sealed: Buffer.alloc(50) });
  await submit(store, { queue: 'a', sealed: Buffer.alloc(7), owner: bob });

  expect(await store.readWaiting('entity:ann')).toEqual({
    owner: { jobs: 2, bytes: 150 },
    all: { jobs: 3, bytes: 157 },
  });
  expect((await store.readWaiting('entity:eve')).owner).toEqual(nothing);
});

test.each([
  ['its credentials are spent', () => submitInto(store, 'running')],
  ['it has ended', () => submitInto(store, 'succeeded')],
  ['it was killed', async () => store.requestKill(await submit(store), asker)],
  ['it was deleted', async () => store.deleteJob(await submit(store), asker)],
  [
    'its wrapping token expired',
    async () => {
      await submit(store, { wrapLeftMs: -60_000 });
      await store.expireWaiting('node:1');
    },
  ],
  [
    'its node died too often',
    async () => {
      await submit(store);
      for (let deaths = 0; deaths < 3; deaths++) {
        await claimOne(store);
        await store.settleOwnJobs('node-1');
      }
    },
  ],
])('a job no longer counts once %s', async (_, end) => {
  await end();

  expect(await store.readWaiting('entity:ann')).toEqual({ owner: nothing, all: nothing });
});

test('a job counts again when it came back to its queue, and a parent whose plan grew with its bytes', async () => {
  await submit(store);
  await claimOne(store);
  await store.settleOwnJobs('node-1', [], 'unsure');
  await sql`update job_requests set sealed = ${Buffer.alloc(1000)}`;

  expect((await store.readWaiting('entity:ann')).owner).toEqual({ jobs: 1, bytes: 1000 });
});

test('the totals are right whatever happens at once, and folding them changes nothing', async () => {
  const owners = [bob, ...['c', 'd'].map((key) => ({ key, displayName: key }))];
  const one = async (n: number) => {
    const id = await submit(store, { queue: null, sealed: Buffer.alloc(n), owner: owners[n % 3] ?? bob });
    if (n % 2 === 0) await store.requestKill(id, asker);
    if (n % 5 === 0) await store.foldWaiting();
    if (n % 7 === 0)
      for (const claim of await store.claimJobs({ node: 'node-1', limit: 3, leaseMs: 30_000 }))
        await store.finishJob(claim, succeeded, noOutput);
  };

  await Promise.all(Array.from({ length: 150 }, (_, n) => one(n)));

  expect(await totals()).toEqual(await counted());
  await store.foldWaiting();
  expect(await totals()).toEqual(await counted());
  expect(await sql`select 1 from waiting_totals group by owner_key having count(*) > 1`).toEqual([]);
});

test('what somebody has locked is waited for neither by a submit nor by folding', async () => {
  await submit(store, { queue: null });
  await sql.begin(async (locked) => {
    await locked`select 1 from waiting_totals for update`;

    await submit(store, { queue: null });
    await store.foldWaiting();
  });

  expect((await store.readWaiting('entity:ann')).owner.jobs).toBe(2);
});

test('nothing is left of owners of whom nothing waits', async () => {
  await store.requestKill(await submit(store), asker);

  await store.foldWaiting();

  expect(await sql`select 1 from waiting_totals`).toEqual([]);
});

test('a request that a node of the version before stored is not counted, neither when it goes', async () => {
  const id = await submit(store);
  await sql`delete from job_requests`;
  await sql`insert into job_requests (job_id, sealed) values (${id}, 'x')`;

  await store.requestKill(id, asker);

  expect(await store.readWaiting('entity:ann')).toEqual({ owner: nothing, all: nothing });
});

/** What one submit costs: pages that are read before it, and rows by the counters of its own transaction. */
async function costOfSubmit() {
  const client = connect(database.url, { max: 1, transform: connect.camel });
  const pages = [
    await pagesOf(client, (sender) => readWaiting(sender, 'entity:ann')),
    await pagesOf(client, (sender) => readQueueForecast(sender, 'many', 0)),
  ];
  const rows = await client.begin(async (transaction) => {
    await insertJob(transaction as unknown as Sql, newJob({ queue: 'many' }));
    const [read] = await transaction`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables`;
    return Number(read?.rows);
  });
  await client.end();
  return { pages: Math.max(...pages), rows };
}

/** Jobs behind one that has the turn. */
async function fill(from: number, to: number): Promise<void> {
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name)
    select lpad(to_hex(n), 24, '0'), 'many', 'queued', false, 'gostint', 'entity:ann', 'Ann'
    from generate_series(${from}::int, ${to}::int) as n`;
  // Their triggers at once would change one row so often in one transaction.
  await sql`
    insert into job_requests (job_id, sealed)
    select lpad(to_hex(n), 24, '0'), 'x' from generate_series(${from}::int, ${to}::int) as n`;
  await sql`select add_waiting('entity:ann', ${to - from + 1}, ${to - from + 1})`;
  await sql`vacuum analyze jobs, job_requests, waiting_totals`;
}

test('P16: a submit costs as much with 100,000 waiting jobs as with 2,000', { timeout: 60_000 }, async () => {
  await submit(store, { queue: 'many' });
  await fill(1, 2000);
  const few = await costOfSubmit();
  await fill(2001, 100_000);

  const many = await costOfSubmit();

  expect((await store.readWaiting('entity:ann')).owner.jobs).toBe(100_003);
  expect(many.pages).toBeLessThan(few.pages + 20);
  expect(many.rows).toBeLessThan(few.rows + 20);
});
