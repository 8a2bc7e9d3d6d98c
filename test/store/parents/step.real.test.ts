import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { asker, newJob, submit } from '../../support/stored-jobs.js';
import { everyone } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

async function submitParent(): Promise<string> {
  const id = await submit(store, { door: 'runai', queue: null, parent: { progress: 0 } });
  await store.admitParents('runai', undefined, 'node:a');
  return id;
}

async function startChild(parent: string): Promise<void> {
  const { revision = '' } = (await store.readParent(parent, everyone)) ?? {};
  const step = { id: parent, revision, progress: 1, noted: [] };
  await store.insertJob(newJob({ door: 'runai', child: { slot: 0, listed: false, step } }));
}

test('a step waits for the queue of its new child before it locks the parent: the end of another child has the queue first', async () => {
  const parent = await submitParent();
  await startChild(parent);
  const starting = await sql.begin(async (tx) => {
    await tx`select from queues where name = 'q' for update`;
    const second = startChild(parent);
    await expect.poll(() => sql`select from pg_locks where not granted`).not.toHaveLength(0);
    expect(await sql`select from parents for update skip locked`).toHaveLength(1);
    return { second };
  });
  await starting.second;
  expect(await store.readOpenChildren(parent)).toHaveLength(2);
});

test('a parent that waits is not due, nor is an ended one, though it was revised', async () => {
  const id = await submit(store, { door: 'runai', queue: null, parent: { progress: 0 } });
  await revise(id);
  expect(await store.listDueParents(9)).toEqual([]);
  await store.admitParents('runai', undefined, 'node:a');
  expect(await store.listDueParents(9)).toEqual([{ id }]);
  const waiting = await submit(store, { door: 'runai', queue: null, parent: { progress: 0 } });
  await revise(waiting);
  await store.requestKill(waiting, asker);
  expect(await store.listDueParents(9)).toEqual([{ id }]);
});

async function revise(id: string): Promise<void> {
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  const facts = { id, revision, progress: 1, sealed: undefined, kind: 'scaled', actor: 'entity:ann' };
  expect(await store.reviseParent(facts)).toBe(true);
}
