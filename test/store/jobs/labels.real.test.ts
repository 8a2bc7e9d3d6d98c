import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { asker, newJob, owner, submit, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const label = { name: 'train', project: 'vision', requester: 'ines' };
const stranger = { reach: { everyone: false, ownerKey: 'entity:bob' }, actor: 'entity:bob' } as const;
const mine = { everyone: false, ownerKey: owner.key } as const;
const named = { door: 'gostint', project: 'vision', name: 'train' } as const;

describe('the label of a job', () => {
  test('is stored with what the job asked of its container', async () => {
    const options = { network: 'none', limits: { cpus: 0.5 } };
    const id = await submit(store, { label, options });

    expect((await store.findJob(id, mine))?.job).toMatchObject({ label, options, unlistedAt: undefined });
  });

  test('is found by its name, in its project and within reach only', async () => {
    const id = await submit(store, { label });

    expect((await store.findNamedJob(named, mine))?.job.id).toBe(id);
    expect(await store.findNamedJob({ ...named, project: undefined }, mine)).toBeUndefined();
    expect(await store.findNamedJob(named, stranger.reach)).toBeUndefined();
  });

  test('need not have a project', async () => {
    const id = await submit(store, { label: { name: 'train' } });

    expect((await store.findNamedJob({ ...named, project: undefined }, mine))?.job.id).toBe(id);
  });
});

describe('a name', () => {
  test('is refused while a job of the same owner, door and project is listed under it; nothing is stored', async () => {
    const first = await submit(store, { label });

    await expect(store.insertJob(newJob({ label, queue: 'other' }))).rejects.toMatchObject({
      code: 'name_taken',
      message: expect.stringContaining('"train"'),
    });
    expect(await sql`select name from queues where name = 'other'`).toEqual([]);
    expect((await store.listJobs({ skip: 0, limit: 9 }, mine)).jobs.map(({ job }) => job.id)).toEqual([
      first,
    ]);
  });

  test('is free for another owner and in another project', async () => {
    await submit(store, { label });
    const other = { key: 'entity:bob', displayName: 'Bob' };

    await submit(store, { label, owner: other });
    await submit(store, { label: { ...label, project: 'audio' } });

    expect((await store.listJobs({ skip: 0, limit: 9 }, { everyone: true })).total).toBe(3);
  });

  test('is free again once its job is no longer listed, whatever its state', async () => {
    const first = await submit(store, { label });
    await store.unlistJob(first, asker);

    const second = await submit(store, { label });

    expect((await store.findNamedJob(named, mine))?.job.id).toBe(second);
  });
});

describe('taking a job off its list', () => {
  test('hides it from the lists of its door, and from no other', async () => {
    const { id } = await submitInto(store, 'succeeded', { label });

    expect(await store.unlistJob(id, asker)).toBe(true);

    const door = 'gostint' as const;
    expect((await store.listJobs({ skip: 0, limit: 9, door }, mine)).total).toBe(0);
    expect((await store.listJobs({ skip: 0, limit: 9 }, mine)).total).toBe(1);
    expect((await store.findJob(id, mine))?.job.unlistedAt).toBeInstanceOf(Date);
  });

  test('is recorded once, and does nothing for a stranger', async () => {
    const id = await submit(store, { label });

    expect(await store.unlistJob(id, stranger)).toBe(false);
    expect(await store.unlistJob(id, asker)).toBe(true);
    expect(await store.unlistJob(id, asker)).toBe(true);

    const kinds = await sql`select kind, actor from events where job_id = ${id} order by seq`;
    expect(kinds.map(({ kind }) => kind)).toEqual(['submitted', 'unlisted']);
  });

  test('leaves the jobs of other projects on the list of a project', async () => {
    await submit(store, { label });
    const other = await submit(store, { label: { ...label, project: 'audio' } });

    const { jobs } = await store.listJobs({ skip: 0, limit: 9, project: 'audio' }, mine);

    expect(jobs.map(({ job }) => job.id)).toEqual([other]);
  });
});
