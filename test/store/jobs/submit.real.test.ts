import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { newJob, owner, submit } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

test('a stored job is queued, belongs to its owner and shows nothing of its request', async () => {
  const stored = newJob({ queue: 'q' });

  const { job, ready } = await store.insertJob(stored);

  expect(ready).toBe(true);
  expect(job).toMatchObject({ id: stored.id, queue: 'q', owner, state: 'queued', door: 'gostint' });
  expect(job.submittedAt).toBeInstanceOf(Date);
  expect(job).not.toHaveProperty('sealed');
  const [row] = await sql`select sealed from job_requests where job_id = ${stored.id}`;
  expect(Buffer.from(row?.sealed).toString()).toBe('sealed');
});

test('only the first job of a queue has the turn, and queues do not share it', async () => {
  const first = await store.insertJob(newJob({ queue: 'a' }));
  const second = await store.insertJob(newJob({ queue: 'a' }));
  const other = await store.insertJob(newJob({ queue: 'b' }));

  expect([first.ready, second.ready, other.ready]).toEqual([true, false, true]);
});

test('a job without a queue is always ready', async () => {
  const answers = [
    await store.insertJob(newJob({ queue: null })),
    await store.insertJob(newJob({ queue: null })),
  ];

  expect(answers.map(({ ready }) => ready)).toEqual([true, true]);
  expect(answers[0]?.job.queue).toBeNull();
});

test('jobs that are submitted at once stand in the order of their commits', async () => {
  await Promise.all(Array.from({ length: 120 }, (_, i) => submit(store, { queue: `q${i % 3}` })));

  const rows = await sql`
    select count(*)::int as jobs, count(distinct seq)::int as places, count(*) filter (where turn)::int as turns,
           count(*) filter (where turn and seq = first)::int as oldest
    from (select *, min(seq) over (partition by queue) as first from jobs) as jobs`;
  expect(rows).toEqual([{ jobs: 120, places: 120, turns: 3, oldest: 3 }]);
});

test('the sequence number is drawn after the lock of the queue, not when the submit began', async () => {
  await submit(store, { queue: 'a' });
  const holder = await sql.reserve();
  await holder`begin`;
  await holder`select 1 from queues where name = 'a' for update`;
  const late = store.insertJob(newJob({ queue: 'a' }));
  await expect.poll(() => countWaiting()).toBe(1);
  const between = await submit(store, { queue: 'b' });

  await holder`commit`;
  holder.release();
  const { job } = await late;

  const rows = await sql`select id from jobs order by seq`;
  expect(rows.slice(1).map((row) => row.id)).toEqual([between, job.id]);
});

async function countWaiting(): Promise<number> {
  const [row] = await sql`
    select count(*)::int as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  return row?.waiting;
}

test('the same id is refused and changes nothing', async () => {
  const job = newJob();
  await store.insertJob(job);

  await expect(store.insertJob({ ...job, queue: 'other' })).rejects.toMatchObject({ code: 'internal' });

  expect(await sql`select queue from jobs`).toEqual([{ queue: 'q' }]);
  expect(await sql`select name from queues`).toEqual([{ name: 'q' }]);
});
