import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { newJob, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const ann = { key: 'entity:ann', displayName: 'Ann' };
const bob = { key: 'entity:bob', displayName: 'Bob' };
const everyone = { everyone: true } as const;
const own = ({ key }: typeof ann) => ({ everyone: false, ownerKey: key }) as const;

/** Stores a run of a pipeline; its id. */
async function run(name: string, { owner = ann, hasEnded = true, kind = 'pipeline' } = {}): Promise<string> {
  const job = newJob({ door: 'lopco', queue: null, owner, label: { name, kind }, unlistAfterMs: 0 });
  await store.unlistAllExpired(10, 'node:1'); // The name is free again.
  await store.insertJob({ ...job, parent: { progress: {} } });
  await store.admitParents('lopco', undefined, 'node:1');
  if (hasEnded) await store.endParent({ id: job.id, revision: '1', progress: {}, noted: [] }, succeeded);
  return job.id;
}

const latest = async (name: string, reach: typeof everyone | ReturnType<typeof own> = everyone) =>
  (await store.readLatestPipeline(name, reach))?.id;

test('the latest run of a name that has ended is found, also while another one is active', async () => {
  const first = await run('a');
  expect(await latest('a')).toBe(first);
  const second = await run('a');
  expect(await latest('a')).toBe(second);

  await run('a', { hasEnded: false });

  expect(await latest('a')).toBe(second);
  expect(await latest('b')).toBeUndefined();
});

test('names are listed once, the latest run first, and only of pipelines that have ended', async () => {
  for (const name of ['a', 'b', 'a', 'c']) await run(name);
  await run('d', { hasEnded: false });
  await run('e', { kind: 'worker' });

  expect(await store.listPipelineNames(everyone, 10)).toEqual(['c', 'a', 'b']);
  expect(await store.listPipelineNames(everyone, 2)).toEqual(['c', 'a']);
});

test('nobody finds what somebody else has run', async () => {
  const id = await run('a');

  expect(await latest('a', own(ann))).toBe(id);
  expect(await latest('a', own(bob))).toBeUndefined();
  expect(await store.listPipelineNames(own(bob), 10)).toEqual([]);
});

/** One connection: a setting holds for the next statement only there. */
async function reserved() {
  const connection = await sql.reserve();
  return { sql: connection, [Symbol.asyncDispose]: async () => connection.release() };
}

test('the history is read from its index, however many other jobs there are', async () => {
  await run('a');
  await using one = await reserved();
  await one.sql`set enable_seqscan = off`;
  const plans = await Promise.all([
    one.sql`explain select job_name from jobs where door = 'lopco' and job_kind = 'pipeline'
        and state in ('succeeded', 'failed', 'canceled', 'lost') and owner_key = 'entity:ann' and job_name = 'a'
        order by seq desc limit 1`,
    one.sql`explain select job_name from jobs where door = 'lopco' and job_kind = 'pipeline'
        and state in ('succeeded', 'failed', 'canceled', 'lost') group by job_name`,
  ]);

  for (const plan of plans) expect(JSON.stringify(plan)).toContain('jobs_ended_pipelines');
});
