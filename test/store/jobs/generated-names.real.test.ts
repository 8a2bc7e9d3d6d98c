import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { asker, owner, submit, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const mine = { everyone: false, ownerKey: owner.key } as const;
const named = { door: 'runai', project: 'vision', name: 'train' } as const;
const label = { name: 'train', project: 'vision', kind: 'interactive' };
const job = { door: 'runai', queue: null, label, image: 'alpine:3.20' } as const;
const day = 86_400_000;

/** Both lists of a door show the same. */
async function listed(): Promise<string[]> {
  const page = await store.listJobs({ skip: 0, limit: 9, door: 'runai' }, mine);
  const all = await store.listListed({ door: 'runai', limit: 9 }, mine);
  expect(all).toEqual(page.jobs.map((found) => found.job));
  return all.map(({ id }) => id);
}

test('numbers of names begin at 0, and no two callers get the same', async () => {
  const first = await store.drawNameNumber();
  const more = await Promise.all(Array.from({ length: 20 }, () => store.drawNameNumber()));

  expect(first).toBe(0);
  expect(more.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test('the kind and the image of a job are stored when it is submitted', async () => {
  const id = await submit(store, job);

  expect((await store.findJob(id, mine))?.job).toMatchObject({ label, image: 'alpine:3.20' });
});

test('a job is listed while its time is not over, and for ever where it has none', async () => {
  const waiting = await submit(store, { ...job, unlistAfterMs: 0 });
  const late = await submit(store, { ...job, label: {}, unlistAfterMs: day });
  const never = await submit(store, { ...job, label: {} });
  await sql`update jobs set turn = false, state = 'canceled', finished_at = now() where id in (${late}, ${never})`;

  expect(await listed()).toEqual([never, late, waiting]);
});

test('a job whose time is over after its end is no longer listed or found by name, and keeps its record', async () => {
  const { id } = await submitInto(store, 'succeeded', { ...job, unlistAfterMs: 0 });

  expect(await listed()).toEqual([]);
  expect(await store.findNamedJob(named, mine)).toBeUndefined();
  expect((await store.findJob(id, mine))?.job).toMatchObject({ state: 'succeeded', unlistedAt: undefined });
});

test('a name is given up by a job whose time is over, once, and by no other', async () => {
  const { id } = await submitInto(store, 'failed', { ...job, unlistAfterMs: 0 });
  await submitInto(store, 'failed', { ...job, label: { ...label, name: 'other' }, unlistAfterMs: day });
  const ask = (name: string, key = owner.key) => store.unlistExpired(key, { ...named, name }, asker.actor);

  expect(await ask('other')).toBe(false);
  expect(await ask('train', 'entity:bob')).toBe(false);
  expect(await ask('train')).toBe(true);
  expect(await ask('train')).toBe(false);

  const events = await sql`select actor from events where job_id = ${id} and kind = 'unlisted'`;
  expect(events.map(({ actor }) => actor)).toEqual([asker.actor]);
  await submit(store, job);
});

test('the sweep takes off all jobs whose time is over, some at a time, and no other', async () => {
  const due = [];
  for (const name of ['a', 'b', 'c'])
    due.push((await submitInto(store, 'succeeded', { ...job, label: { name }, unlistAfterMs: 0 })).id);
  const late = await submitInto(store, 'succeeded', { ...job, label: { name: 'd' }, unlistAfterMs: day });
  const never = await submitInto(store, 'failed', { ...job, label: { name: 'e' } });
  const waiting = await submit(store, { ...job, label: { name: 'f' }, unlistAfterMs: 0 });

  expect(await store.unlistAllExpired(2, 'node:1')).toBe(2);
  expect(await store.unlistAllExpired(2, 'node:1')).toBe(1);
  expect(await store.unlistAllExpired(2, 'node:1')).toBe(0);

  expect(await listed()).toEqual([waiting, never.id, late.id]);
  const events =
    await sql`select job_id, actor from events where actor = 'node:1' and kind = 'unlisted' order by job_id`;
  expect(events).toEqual(due.toSorted().map((id) => ({ job_id: id, actor: 'node:1' })));
});

test('a list is of one project, of one owner, and no longer than asked for', async () => {
  const ids: string[] = [];
  for (const [name, project] of [
    ['a', 'vision'],
    ['b', 'speech'],
    ['c', 'vision'],
  ] as const)
    ids.push(await submit(store, { ...job, label: { name, project } }));
  const other = await submit(store, { ...job, owner: { key: 'entity:bob', displayName: 'Bob' } });
  await submit(store, { label: { name: 'of another door' } });

  const list = async (...args: Parameters<typeof store.listListed>) =>
    (await store.listListed(...args)).map(({ id }) => id);

  const [a = '', b = '', c = ''] = ids;
  expect(await list({ door: 'runai', limit: 9 }, mine)).toEqual([c, b, a]);
  expect(await list({ door: 'runai', limit: 2 }, mine)).toEqual([c, b]);
  expect(await list({ door: 'runai', project: 'vision', limit: 9 }, mine)).toEqual([c, a]);
  expect(await list({ door: 'runai', limit: 9 }, { everyone: true })).toEqual([other, c, b, a]);
});
