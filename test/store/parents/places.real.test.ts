import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { claimOne, newJob, noOutput, submit, succeeded } from '../../support/stored-jobs.js';
import { everyone } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

async function submitParent(): Promise<string> {
  const id = await submit(store, { door: 'runai', queue: null, parent: { progress: 0 } });
  await store.admitParents('runai', undefined, 'node:a');
  return id;
}

/** Stores a run, which a node claims at once. */
async function claimRun(parent: string, node: string) {
  await addRun(parent);
  return claimOne(store, node);
}

async function addRun(parent: string): Promise<void> {
  const { revision = '' } = (await store.readParent(parent, everyone)) ?? {};
  const step = { id: parent, revision, progress: 1, noted: [] };
  await store.insertJob(newJob({ door: 'runai', queue: null, child: { slot: 0, listed: false, step } }));
}

test('a parent is where its active runs are, each node once, with how many of them run', async () => {
  const [parent, other] = [await submitParent(), await submitParent()];
  const running = await claimRun(parent, 'node-a');
  const second = await claimRun(parent, 'node-a');
  const ended = await claimRun(parent, 'node-c');
  await claimRun(parent, 'node-b');
  await claimRun(other, 'node-d');
  await store.markSpending(running);
  await store.markRunning(running);
  await store.markSpending(second);
  await store.markRunning(second);
  await store.markStopping(second, 'kill');
  await store.finishJob(ended, succeeded, noOutput);

  expect(await store.readPlaces([parent])).toEqual([
    { parent, node: 'node-a', running: 2 },
    { parent, node: 'node-b', running: 0 },
  ]);
  expect(await store.readPlaces([other, parent])).toHaveLength(3);
  expect(await store.readPlaces([])).toEqual([]);
});

test('a parent between two runs is where the last one ended', async () => {
  const parent = await submitParent();
  await store.finishJob(await claimRun(parent, 'node-a'), succeeded, noOutput);
  await store.finishJob(await claimRun(parent, 'node-b'), succeeded, noOutput);

  expect(await store.readPlaces([parent])).toEqual([{ parent, node: 'node-b', running: 0 }]);
});

test('a parent whose run waits for a node is nowhere', async () => {
  const [parent, without] = [await submitParent(), await submitParent()];
  await store.finishJob(await claimRun(parent, 'node-a'), succeeded, noOutput);
  await addRun(parent);

  expect(await store.readPlaces([parent, without])).toEqual([]);
});
