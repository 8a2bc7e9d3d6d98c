import { afterAll, beforeEach, expect, test } from 'vitest';
import { newSweep, sweeps } from '../../../src/api/runai/sweep.js';
import type { Store } from '../../../src/store/store.js';
import { openTestDatabase } from '../../support/database.js';
import { caller, everyone, openTestNode, type TestNodeChanges } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** A node that counts how often it reads all open children of a parent. */
function openCounting(changes: TestNodeChanges = {}) {
  const counted = { reads: 0 };
  const readOpenChildren: Store['readOpenChildren'] = async (parent) => {
    counted.reads++;
    return store.readOpenChildren(parent);
  };
  const node = openTestNode(
    { ...store, readOpenChildren },
    { planners: new Map([['runai', { planner: sweeps }]]), ...changes },
  );
  const submit = (children: number) => {
    const plan = { completions: children, parallelism: children, backoffLimit: 0, queue: null };
    return node.submit(null, {
      door: 'runai',
      queue: null,
      wrappedSecretId: undefined,
      parent: { plan, progress: newSweep },
    });
  };
  return { node, counted, submit };
}

test('P16: of a parent more than one child waits only where there is room, and all of them run', async () => {
  const waitingLimits = { owner: { jobs: 4, bytes: 0 }, all: { jobs: 0, bytes: 0 } };
  const { node: opened, submit } = openCounting({ waitingLimits });
  await using node = opened;

  const { id } = await submit(20); // It waits itself, until it has ended.
  const { length } = (await node.queue.parent(id, everyone)).active;
  node.worker.start();
  node.parents.start();

  expect(length).toBe(3);
  await expect.poll(() => node.stateOf({ id }), { timeout: 30_000 }).toBe('succeeded');
});

test('P16: a child of its own may wait however full it is', async () => {
  const waitingLimits = { owner: { jobs: 0, bytes: 0 }, all: { jobs: 1, bytes: 0 } };
  const { node: opened, submit } = openCounting({ waitingLimits });
  await using node = opened;

  const { id } = await submit(3);

  expect((await node.queue.parent(id, everyone)).active).toHaveLength(1);
});

test('starting many children does not read those that were started before, one after another', async () => {
  const { node: opened, counted, submit } = openCounting();
  await using node = opened;

  const { id } = await submit(120);
  await node.parents.carryOn(id);
  await node.parents.carryOn(id);

  const slots = (await node.queue.children(id, everyone)).map(({ slot }) => slot);
  expect(slots).toEqual(Array.from({ length: 120 }, (_, slot) => slot).slice(-slots.length));
  expect((await node.queue.parent(id, everyone)).active).toHaveLength(120);
  expect(counted.reads).toBeLessThan(8);
});

test('what happens to a parent while it starts children is seen before the next one is started', async () => {
  await using node = openCounting().node;
  const insertJob = store.insertJob.bind(store);
  let started = 0;
  await using killing = openTestNode(
    {
      ...store,
      insertJob: async (job) => {
        const stored = await insertJob(job);
        if (job.child !== undefined && ++started === 7)
          await node.queue.kill(job.child.step.id, everyone, caller);
        return stored;
      },
    },
    { planners: new Map([['runai', { planner: sweeps }]]), sealKey: node.sealKey },
  );
  const plan = { completions: 40, parallelism: 40, backoffLimit: 0, queue: null };
  const parent = { plan, progress: newSweep };
  const { id } = await killing.submit(null, {
    door: 'runai',
    queue: null,
    wrappedSecretId: undefined,
    parent,
  });

  await expect.poll(() => killing.stateOf({ id })).toBe('canceled');
  expect(started).toBe(7);
});
