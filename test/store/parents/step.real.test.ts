import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { verdictOf } from '../../../src/job/outcome.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, newJob, submit, succeeded } from '../../support/stored-jobs.js';
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
  expect(await store.listDueParents(['runai', 'gostint'], 9)).toEqual([]);
  await store.admitParents('runai', undefined, 'node:a');
  // Those of a door that this version does not know would only stand before the others.
  expect(await store.listDueParents(['lopco'], 9)).toEqual([]);
  expect(await store.listDueParents(['runai', 'gostint'], 9)).toEqual([{ id }]);
  const waiting = await submit(store, { door: 'runai', queue: null, parent: { progress: 0 } });
  await revise(waiting);
  await store.requestKill(waiting, asker); // It has to end by a step.
  expect(await store.listDueParents(['runai', 'gostint'], 9)).toEqual([{ id }, { id: waiting }]);
  const { revision = '' } = (await store.readParent(waiting, everyone)) ?? {};
  await store.endParent({ id: waiting, revision, progress: 1, noted: [] }, succeeded);
  await revise(waiting);
  expect(await store.listDueParents(['runai', 'gostint'], 9)).toEqual([{ id }]);
});

async function revise(id: string): Promise<void> {
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  const facts = { id, revision, progress: 1, sealed: undefined, kind: 'scaled', actor: 'entity:ann' };
  expect(await store.reviseParent(facts)).toBe(true);
}

test('a parent with a child that has not ended does not end, and its progress stays as it was', async () => {
  const id = await submitParent();
  await startChild(id);
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  expect(await store.endParent({ id, revision, progress: 2, noted: [] }, succeeded)).toBe(false);
  expect(await store.readParent(id, everyone)).toMatchObject({ revision, progress: 1 });
});

test('a login is kept only with the parent as it was read: an older sealed request replaces no newer one', async () => {
  const id = await submitParent();
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  await startChild(id);
  const child = await claimOne(store);
  await store.markTokenTaken(child, 'accessor-1');
  const sealed = Buffer.from('older');
  expect(await store.keepLogin(child, { id, revision, sealed })).toBe(false);
  expect(await store.readParent(id, everyone)).toMatchObject({
    tokenAccessor: null,
    sealed: Buffer.from('sealed'),
  });
  await expect(store.keepLogin({ ...child, fence: '0' }, { id, revision, sealed })).rejects.toThrow(
    FencedError,
  );
});

test('a parent that is to be killed is stopping from its next step on', async () => {
  const id = await submitParent();
  await startChild(id);
  await store.requestKill(id, asker);
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  expect(await store.advanceParent({ id, revision, progress: 2, noted: [] }, null)).toBe(true);
  expect(await store.readParent(id, everyone)).toMatchObject({ job: { state: 'stopping' } });
});

test('the end of a parent that an operator must know of writes an alarm', async () => {
  const id = await submitParent();
  const { revision = '' } = (await store.readParent(id, everyone)) ?? {};
  const facts = {
    reason: 'internal',
    code: 'request_not_authentic',
    message: 'Changed.',
    exitCode: undefined,
  } as const;
  const verdict = verdictOf({ kind: 'failed', ...facts, alarm: true });
  expect(await store.endParent({ id, revision, progress: 1, noted: [] }, verdict)).toBe(true);
  const alarms = await sql`select detail from events where job_id = ${id} and kind = 'alarm'`;
  expect(alarms).toMatchObject([{ detail: { code: 'request_not_authentic' } }]);
});
