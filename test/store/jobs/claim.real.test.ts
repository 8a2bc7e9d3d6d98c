import { afterAll, beforeEach, expect, test } from 'vitest';
import { claimJobs } from '../../../src/store/jobs/claim.js';
import type { Sql } from '../../../src/store/postgres/connection.js';
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
beforeEach(() => database.clear());

const ten = { node: 'node-1', limit: 10, leaseMs: 30_000 };

test('a claim takes only ready jobs, oldest first', async () => {
  const first = await submit(store, { queue: 'a' });
  await submit(store, { queue: 'a' });
  const free = await submit(store, { queue: null });
  const other = await submit(store, { queue: 'b' });

  const rows = await store.claimJobs(ten);

  expect(rows.map((row) => row.id)).toEqual([first, free, other]);
});

test('a claim carries what the worker needs and grows the fence', async () => {
  const stored = newJob({ queue: 'a', sealed: Buffer.from('first') });
  await store.insertJob(stored);
  const first = await claimOne(store);
  const second = await submitAndClaim(store, { queue: 'b' });

  expect(first).toMatchObject({ id: stored.id, queue: 'a', door: 'gostint', ownerKey: 'entity:ann' });
  expect(Buffer.from(first.sealed ?? []).toString()).toBe('first');
  expect(BigInt(second.fence)).toBeGreaterThan(BigInt(first.fence));
  expect(await store.findJob(first.id, { everyone: true })).toMatchObject({
    job: { state: 'preparing', node: 'node-1', startedAt: expect.any(Date) },
  });
});

test('a claim takes no more than its limit', async () => {
  for (const queue of ['a', 'b', 'c']) await submit(store, { queue });

  expect(await store.claimJobs({ ...ten, limit: 2 })).toHaveLength(2);
  expect(await store.claimJobs({ ...ten, limit: 2 })).toHaveLength(1);
  expect(await store.claimJobs({ ...ten, limit: 2 })).toHaveLength(0);
});

test('nodes that claim at once never get the same job', async () => {
  for (let i = 0; i < 40; i++) await submit(store, { queue: `q${i}` });

  const claims = await Promise.all(
    Array.from({ length: 8 }, (_, i) => store.claimJobs({ ...ten, node: `node-${i}`, limit: 7 })),
  );

  const ids = claims.flat().map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length + (await store.claimJobs({ ...ten, limit: 40 })).length).toBe(40);
});

test('a postponed job keeps its place and is not tried before its time', async () => {
  const claim = await submitAndClaim(store);
  await submit(store, { queue: 'q' });
  await store.postponeJob(claim, { ...wait, delayMs: 60_000 });

  expect(await store.claimJobs(ten)).toEqual([]);
  expect((await store.findJob(claim.id, { everyone: true }))?.job).toMatchObject({
    state: 'queued',
    code: 'vault_unavailable',
    message: 'Vault is sealed.',
    startedAt: undefined,
  });

  await sql`update jobs set not_before = clock_timestamp() where id = ${claim.id}`;
  expect((await claimOne(store)).id).toBe(claim.id);
});

test('a claim deletes the reason why the job waited', async () => {
  const claim = await submitAndClaim(store);
  await store.postponeJob(claim, wait);

  await claimOne(store);

  expect((await store.findJob(claim.id, { everyone: true }))?.job).toMatchObject({
    code: undefined,
    message: undefined,
  });
});

test('a job whose request is gone is claimed all the same, so that somebody can end it', async () => {
  const id = await submit(store);
  await sql`delete from job_requests where job_id = ${id}`;

  const claim = await claimOne(store);

  expect(claim).toMatchObject({ id, sealed: null });
});

test('a heartbeat extends only the claims that are ours, and reports a kill', async () => {
  const killed = await submitAndClaim(store, { queue: 'a' });
  const ended = await submitAndClaim(store, { queue: 'b' });
  const ours = await submitAndClaim(store, { queue: 'c' });
  await store.requestKill(killed.id, asker);
  await store.finishJob(ended, succeeded, noOutput);
  const old = { id: ours.id, fence: '0' };

  const rows = await store.extendLeases([killed, ended, ours, old], 120_000);

  expect(rows.toSorted((a, b) => Number(a.fence) - Number(b.fence))).toEqual([
    { id: killed.id, fence: killed.fence, killRequested: true },
    { id: ours.id, fence: ours.fence, killRequested: false },
  ]);
  const [lease] =
    await sql`select lease_until > now() + interval '1 minute' as long from jobs where id = ${ours.id}`;
  expect(lease?.long).toBe(true);
});

test('a late heartbeat does not take a job back', async () => {
  const claim = await submitAndClaim(store);
  await store.settleOwnJobs('node-1');

  expect(await store.extendLeases([claim], 30_000)).toEqual([]);
  expect(await stateOf(store, claim.id)).toBe('queued');
});

test('what a claim reads does not grow with backlog and history', { timeout: 20_000 }, async () => {
  for (let i = 0; i < 4; i++) await submit(store, { queue: `q${i}` });
  const alone = await measureClaim();
  await database.clear();
  await fill();

  const crowded = await measureClaim();

  expect(alone.claimed).toBe(4);
  expect(crowded.claimed).toBe(4);
  expect(crowded.buffers).toBeLessThan(alone.buffers + 50);
});

/** 20,000 waiting jobs in 50 queues, and 20,000 that ended. */
async function fill(): Promise<void> {
  await sql`insert into queues select 'queue-' || q from generate_series(0, 49) as q`;
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name, finished_at)
    select lpad(to_hex(n), 24, '0'), 'queue-' || n % 50, case when n < 20000 then 'canceled' else 'queued' end,
           n between 20000 and 20049, 'gostint', 'entity:ann', 'Ann', case when n < 20000 then now() end
    from generate_series(0, 39999) as n`;
  await sql`insert into job_requests select id, 'sealed' from jobs where state = 'queued'`;
  await sql`analyze jobs, job_requests`;
}

/** Runs the claim itself, with `explain` in front of its text. */
async function measureClaim(): Promise<{ claimed: number; buffers: number }> {
  const claim = { node: 'node-1', limit: 4, leaseMs: 30_000 };
  const rows: unknown = await claimJobs(explain as unknown as Sql, claim);
  const [{ 'QUERY PLAN': plans }] = rows as [{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }];
  const { Plan: plan } = plans[0];
  const buffers = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
  return { claimed: plan['Actual Rows'] ?? 0, buffers };
}

function explain([first, ...rest]: TemplateStringsArray, ...values: string[]) {
  const strings = [`explain (analyze, buffers, format json) ${first}`, ...rest];
  return sql(Object.assign(strings, { raw: strings }), ...values);
}
