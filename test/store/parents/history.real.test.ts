import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteJob } from '../../../src/store/jobs/requests.js';
import { readPlaces } from '../../../src/store/parents/places.js';
import { readOpenChildren } from '../../../src/store/parents/views.js';
import { openTestDatabase } from '../../support/database.js';
import { pagesOf } from '../../support/pages.js';
import { asker, submit } from '../../support/stored-jobs.js';

// One parent has a third of all jobs: whoever reckons with averages reads them all.

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

const busy = 'b'.repeat(24);

beforeAll(async () => {
  await submit(store, { id: busy, door: 'gaffer', queue: null, parent: { progress: 0 } });
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name, finished_at, exit_code, parent, slot, noted)
    select lpad(to_hex(n), 24, '0'), null, 'succeeded', false, 'gaffer', 'entity:ann', 'Ann', now(), 0,
           case when n % 3 = 0 then ${busy} end, case when n % 3 = 0 then n end, n % 3 = 0
    from generate_series(1, 60000) as n`;
  await sql`vacuum analyze jobs`;
});

test('a step reads the open children of its parent, not those of the past', async () => {
  expect(await pagesOf(sql, (sender) => readOpenChildren(sender, busy))).toBeLessThan(500);
});

test('where the runs of parents are is told without their past', async () => {
  expect(await pagesOf(sql, (sender) => readPlaces(sender, [busy, 'c'.repeat(24)]))).toBeLessThan(100);
});

test('who deletes a job does not look for its children among all jobs', async () => {
  const id = await submit(store, { queue: null });
  expect(await pagesOf(sql, (sender) => deleteJob(sender, id, asker))).toBeLessThan(500);
});
