import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Reach } from '../../../src/job/owner.js';
import { openTestDatabase } from '../../support/database.js';
import { submit } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const bob = { key: 'entity:bob', displayName: 'bob' };
const reach = (...queues: (string | null)[]): Reach => ({ everyone: false, ownerKey: 'entity:cleo', queues });
const odd = 'a "b",{c}';

async function listed(within: Reach) {
  const { jobs, total } = await store.listJobs({ skip: 0, limit: 10 }, within);
  expect(total).toBe(jobs.length);
  return jobs.map(({ job }) => job.id);
}

test('a list has the jobs of the queues within reach beside the own, whoever they belong to', async () => {
  const own = await submit(store, { queue: 'z', owner: { key: 'entity:cleo', displayName: 'cleo' } });
  const first = await submit(store, { queue: odd });
  const second = await submit(store, { queue: 'b', owner: bob });
  const free = await submit(store, { queue: null, owner: bob });
  const empty = await submit(store, { queue: '' });

  expect(await listed(reach())).toEqual([own]);
  expect(await listed(reach(odd))).toEqual([first, own]);
  expect(await listed(reach('b', null))).toEqual([free, second, own]);
  expect(await listed(reach(''))).toEqual([empty, own]);
});

test('so have the lists of doors', async () => {
  const label = { project: 'p', name: 'n' };
  const mine = await submit(store, { door: 'runai', queue: odd, label });
  const his = await submit(store, { door: 'runai', queue: null, owner: bob, label });
  const ids = async (within: Reach) =>
    (await store.listListed({ door: 'runai', limit: 10 }, within)).map(({ id }) => id);

  expect(await ids(reach())).toEqual([]);
  expect(await ids(reach(odd))).toEqual([mine]);
  expect(await ids(reach(null))).toEqual([his]);
  expect(await ids(reach(null, odd))).toEqual([his, mine]);
});

test('a job is found in its queue, by id and by the name that its door lists', async () => {
  const id = await submit(store, { door: 'runai', queue: 'b', label: { project: 'p', name: 'n' } });
  const other = await submit(store, {
    door: 'runai',
    queue: null,
    owner: bob,
    label: { project: 'p', name: 'n' },
  });

  expect(await store.readPlace(id)).toEqual({ id, queue: 'b' });
  expect(await store.readPlace('0'.repeat(24))).toBeUndefined();
  expect(await store.readNamedPlaces({ door: 'runai', project: 'p', name: 'n' }, 10)).toEqual([
    { id: other, queue: null },
    { id, queue: 'b' },
  ]);
  expect(await store.readNamedPlaces({ door: 'runai', project: undefined, name: 'n' }, 10)).toEqual([]);
  expect(await store.readQueueNames(10)).toEqual(['b']);
});

test('a parent is where its children run: who sees its output sees theirs', async () => {
  const parent = await submit(store, { door: 'runai', queue: null, parent: { progress: {} } });
  const child = await submit(store, { door: 'runai', queue: 'b' });
  await sql`update jobs set parent = ${parent}, slot = 0 where id = ${child}`;

  expect(await store.readPlace(parent)).toEqual({ id: parent, queue: 'b' });
  expect(await listed(reach(null))).toEqual([]);
  expect(await listed(reach('b'))).toEqual([child, parent]);
});

test('a forecast for an owner tells nothing of the jobs of others', async () => {
  for (const owner of [bob, bob, { key: 'entity:cleo', displayName: 'cleo' }, bob])
    await submit(store, { owner });
  await sql`update jobs set state = 'canceled', turn = false, started_at = now() - interval '2 seconds',
            finished_at = now() where id = (select min(id) from jobs where owner_key = 'entity:bob')`;

  expect(await store.readQueueForecast('q', 0, 'entity:cleo')).toEqual({
    full: false,
    ahead: 1,
    typicalRunMs: null,
  });
  expect(await store.readQueueForecast('q', 0, 'entity:dora')).toEqual({
    full: false,
    ahead: 0,
    typicalRunMs: null,
  });
  expect(await store.readQueueForecast('q', 0)).toMatchObject({ typicalRunMs: expect.closeTo(2000, -2) });
});
