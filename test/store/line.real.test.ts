import { afterAll, expect, test } from 'vitest';
import { openTestDatabase } from '../support/database.js';
import { newJob, noOutput, succeeded } from '../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

const jobs = 300;
const queues = 20;
const workers = 8;

test('many workers on many queues: one at a time, first in first out, and all jobs end', {
  timeout: 20_000,
}, async () => {
  const submitting = Array.from({ length: workers }, (_, i) => submitSome(i));

  await Promise.all([...submitting, ...Array.from({ length: workers }, (_, i) => work(`node-${i}`))]);

  expect(await sql`select state, count(*)::int as count from jobs group by state`).toEqual([
    { state: 'succeeded', count: jobs },
  ]);
  expect(await findOverlaps()).toEqual([]);
  expect(await findOvertaking()).toEqual([]);
  expect(await sql`select 1 from queues where holder is not null`).toEqual([]);
});

async function submitSome(first: number): Promise<void> {
  for (let i = first; i < jobs; i += workers) await store.insertJob(newJob({ queue: `q${i % queues}` }));
}

const ended = new Set<string>();

async function work(node: string): Promise<void> {
  while (ended.size < jobs) {
    const claims = await store.claimJobs({ node, limit: 3, leaseMs: 30_000 });
    await Promise.all(
      claims.map(async (claim) => {
        await store.markSpending(claim);
        await store.markRunning(claim);
        await store.extendLeases([claim], 30_000);
        await store.finishJob(claim, succeeded, noOutput);
        ended.add(claim.id);
      }),
    );
  }
}

/** In the history of each queue, a claim comes only after the end of the one before. */
async function findOverlaps() {
  return sql`
    select * from (
      select events.kind, lag(events.kind) over (partition by jobs.queue order by events.seq) as before
      from events join jobs on jobs.id = events.job_id where events.kind in ('claimed', 'succeeded')) as history
    where kind = before`;
}

async function findOvertaking() {
  return sql`
    select * from (
      select jobs.seq, lag(jobs.seq) over (partition by jobs.queue order by events.seq) as before
      from events join jobs on jobs.id = events.job_id where events.kind = 'claimed') as history
    where seq < before`;
}
