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
