import { expect, test } from 'vitest';
import { jobStates } from '../../../src/job/state.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

const mine = { door: 'runai', queue: null, owner: { key: 'entity:e1', displayName: 'first' } } as const;

/** What a list shows of all jobs, oldest first. */
async function listed({ send }: TestApp, path = '/api/job'): Promise<readonly Record<string, unknown>[]> {
  const { data } = (await (await send('GET', path)).json()) as { data: Record<string, unknown>[] };
  return data.toReversed();
}

test('a list says how many GPUs a job holds, while it runs', async () => {
  const app = createTestApp();
  for (const state of jobStates) app.queue.add({ ...mine, state, options: { gpus: 2 } });

  const held = (await listed(app)).map((job, at) => [jobStates[at], job.currentAllocatedGPUs]);

  expect(Object.fromEntries(held)).toEqual({
    queued: 0,
    preparing: 0,
    running: 2,
    stopping: 2,
    succeeded: 0,
    failed: 0,
    canceled: 0,
    lost: 0,
  });
});

test('a list says where the runs of a parent are, and how many GPUs they hold together', async () => {
  const app = createTestApp();
  const parent = {
    ...mine,
    isParent: true,
    options: { gpus: 2 },
    label: { project: 'vision', name: 'sweep' },
  };
  const { id } = app.queue.add({ ...parent, state: 'running' });
  const ofParent = { ...mine, parent: id, options: { gpus: 2 }, unlistedAt: new Date() };
  app.queue.add({ ...ofParent, state: 'running', node: 'node-b' });
  app.queue.add({ ...ofParent, state: 'preparing', node: 'node-a' });
  app.queue.add({ ...ofParent, state: 'stopping', node: 'node-b' });
  app.queue.add({ ...ofParent, state: 'succeeded', node: 'node-c' });
  app.queue.add({ ...ofParent, state: 'queued', node: undefined });

  expect(await listed(app)).toMatchObject([{ id, nodes: 'node-a,node-b', currentAllocatedGPUs: 4 }]);
  for (const path of ['/api/v1/jobs', '/api/v1/job/vision/sweep'])
    expect(await listed(app, path)).toMatchObject([{ id, nodes: ['node-a', 'node-b'] }]);
});

test('a list shows the node of the last run between two runs, and none before the first and after the end', async () => {
  const app = createTestApp();
  const ofRun = {
    ...mine,
    unlistedAt: new Date(),
    state: 'failed',
    reason: 'exit_code',
    node: 'node-a',
  } as const;
  const between = app.queue.add({ ...mine, isParent: true, state: 'running', options: { gpus: 1 } });
  const before = app.queue.add({ ...mine, isParent: true, state: 'preparing' });
  const ended = app.queue.add({ ...mine, isParent: true, state: 'failed' });
  app.queue.add({ ...ofRun, parent: between.id, node: 'node-b' });
  app.queue.add({ ...ofRun, parent: between.id });
  app.queue.add({ ...ofRun, parent: ended.id });

  expect(await listed(app)).toMatchObject([
    { id: between.id, nodes: 'node-a', currentAllocatedGPUs: 0 },
    { id: before.id, nodes: '' },
    { id: ended.id, nodes: '' },
  ]);
});
