import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { openTestDatabase } from '../../support/database.js';
import {
  asker,
  noOutput,
  stateOf,
  submitAndClaim,
  submitInto,
  succeeded,
} from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

test('Q9: jobs that ran are adopted under a new fence, and their old one changes nothing any more', async () => {
  const old = await submitInto(store, 'running');

  const [adopted] = await store.adoptOwnJobs('node-1', 30_000);

  expect(adopted).toMatchObject({
    id: old.id,
    oldFence: old.fence,
    containerFence: old.fence,
    queue: 'q',
    door: 'gostint',
    killRequested: false,
    tokenAccessor: 'accessor-1',
  });
  expect(Number(adopted?.fence)).toBeGreaterThan(Number(old.fence));
  await expect(store.finishJob(old, succeeded, noOutput)).rejects.toThrow(FencedError);
  expect(await store.extendLeases([old], 30_000)).toEqual([]);
  await store.finishJob({ id: old.id, fence: adopted?.fence ?? '' }, succeeded, noOutput);
  expect(await stateOf(store, old.id)).toBe('succeeded');
});

test('a container keeps its name over several adoptions', async () => {
  const { id, fence } = await submitInto(store, 'running');
  await sql`update jobs set container_fence = fence`;

  await store.adoptOwnJobs('node-1', 30_000);

  expect(await store.adoptOwnJobs('node-1', 30_000)).toMatchObject([{ id, containerFence: fence }]);
});

test('a job that is being stopped is adopted with its kill request', async () => {
  const { id } = await submitInto(store, 'stopping');
  await store.requestKill(id, asker);

  expect(await store.adoptOwnJobs('node-1', 30_000)).toMatchObject([{ id, killRequested: true }]);
});

test('neither what was not started nor what another node runs is adopted', async () => {
  const waiting = await submitAndClaim(store, { queue: 'a' });
  const spent = await submitAndClaim(store, { queue: 'b' });
  await store.markSpending(spent);
  await submitInto(store, 'running', { queue: 'c' });
  await sql`update jobs set node = 'node-2' where queue = 'c'`;

  expect(await store.adoptOwnJobs('node-1', 30_000)).toEqual([]);

  await store.settleOwnJobs('node-1');
  expect(await stateOf(store, waiting.id)).toBe('queued');
  expect(await stateOf(store, spent.id)).toBe('lost');
});

test('an adopted job has a lease again, and its adoption is an event', async () => {
  const { id } = await submitInto(store, 'running');
  await sql`update jobs set lease_until = clock_timestamp() - interval '1 hour'`;

  const [adopted] = await store.adoptOwnJobs('node-1', 30_000);

  expect(await store.settleDeadJobs('node-2', { graceMs: 0, holdMs: 0 })).toEqual([]);
  expect(await sql`select actor, detail from events where job_id = ${id} and kind = 'adopted'`).toEqual([
    { actor: 'node:node-1', detail: { fence: Number(adopted?.fence) } },
  ]);
});
