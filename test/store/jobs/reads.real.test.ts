import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobState } from '../../../src/job/state.js';
import { openTestDatabase } from '../../support/database.js';
import { submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());

const everyone = { everyone: true } as const;
const ann = { everyone: false, ownerKey: 'entity:ann' } as const;
const bob = { everyone: false, ownerKey: 'entity:bob' } as const;
const ids: Record<string, string> = {};

/** Oldest first; bob has one job only. */
const stored: [string, JobState, string | null][] = [
  ['done', 'succeeded', 'a'],
  ['broken', 'failed', 'a'],
  ['killed', 'canceled', 'b'],
  ['gone', 'lost', 'b'],
  ['busy', 'running', 'b'],
  ['free', 'queued', null],
];

beforeAll(async () => {
  for (const [name, state, queue] of stored) {
    const owner = { key: name === 'gone' ? 'entity:bob' : 'entity:ann', displayName: name };
    ids[name] = (await submitInto(store, state, { queue, owner })).id;
  }
});

async function namesOf(filter: object, reach: Parameters<typeof store.listJobs>[1] = everyone) {
  const page = await store.listJobs({ skip: 0, limit: 100, ...filter }, reach);
  return { names: page.jobs.map(({ job }) => job.owner.displayName), total: page.total };
}

test('a list shows the newest first', async () => {
  expect(await namesOf({})).toEqual({
    names: ['free', 'busy', 'gone', 'killed', 'broken', 'done'],
    total: 6,
  });
});

test('a page says how many there are in all', async () => {
  expect(await namesOf({ skip: 1, limit: 2 })).toEqual({ names: ['busy', 'gone'], total: 6 });
  expect(await namesOf({ skip: 6 })).toEqual({ names: [], total: 6 });
});

test.each([
  ['one queue', { queue: 'a' }, ['broken', 'done']],
  ['an unknown queue', { queue: 'z' }, []],
  ['states', { states: [{ state: 'lost' }, { state: 'queued' }] }, ['free', 'gone']],
  ['no states', { states: [] }, []],
  ['a reason', { states: [{ state: 'failed', reason: 'exit_code' }] }, ['broken']],
  ['another reason', { states: [{ state: 'failed', reason: 'timed_out' }] }, []],
  ['all but a reason', { states: [{ state: 'failed', exceptReason: 'exit_code' }] }, []],
  ['all but another reason', { states: [{ state: 'failed', exceptReason: 'timed_out' }] }, ['broken']],
  ['queue and state', { queue: 'b', states: [{ state: 'running' }] }, ['busy']],
] as const)('a list can be asked for %s', async (_, filter, names) => {
  expect(await namesOf(filter)).toEqual({ names, total: names.length });
});

test('an owner sees nothing of the others, in lists and one by one', async () => {
  expect(await namesOf({}, bob)).toEqual({ names: ['gone'], total: 1 });
  expect((await namesOf({}, ann)).total).toBe(5);
  expect(await store.findJob(ids.gone ?? '', ann)).toBeUndefined();
  expect(await store.findJob(ids.gone ?? '', bob)).toMatchObject({ job: { state: 'lost' } });
  expect(await store.findJob('0'.repeat(24), everyone)).toBeUndefined();
});

test('a job that ended is returned in full', async () => {
  expect(await store.findJob(ids.broken ?? '', everyone)).toMatchObject({
    job: {
      id: ids.broken,
      state: 'failed',
      reason: 'exit_code',
      message: 'It failed.',
      exitCode: 3,
      node: 'node-1',
      submittedAt: expect.any(Date),
      startedAt: expect.any(Date),
      finishedAt: expect.any(Date),
      killRequestedAt: undefined,
    },
    outputComplete: true,
    outputFlaw: undefined,
  });
});

test('jobs are counted by state and reason', async () => {
  const counts = await store.countJobs();

  expect(counts).toHaveLength(6);
  expect(counts).toContainEqual({ state: 'failed', reason: 'exit_code', count: 1 });
  expect(counts).toContainEqual({ state: 'queued', reason: null, count: 1 });
});
