import { afterAll, expect, test } from 'vitest';
import type { Job } from '../../../src/job/job.js';
import { openTestDatabase } from '../../support/database.js';
import { caller, everyone, openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
afterAll(() => database[Symbol.asyncDispose]());

test('where the operator says how many, one owner has not all slots, and a job of another runs at once', async () => {
  await using node = openTestNode(database.store, { slots: 4, ownerSlots: 2 });
  node.worker.start();
  node.backend.runs([{ linger: 'until_told' }]);
  const many: Job[] = [];
  for (const queue of ['a', 'b', 'c', 'd']) many.push(await node.submit(queue));
  const states = () => Promise.all(many.map(node.stateOf));
  await expect.poll(states).toEqual(['running', 'running', 'queued', 'queued']);

  const other = await node.submit('e', { owner: { key: 'entity:other', displayName: 'other' } });
  await expect.poll(() => node.stateOf(other)).toBe('running');
  expect(await states()).toEqual(['running', 'running', 'queued', 'queued']);

  await node.queue.kill(many[0]?.id ?? '', everyone, caller);
  await expect.poll(states).toEqual(['canceled', 'running', 'running', 'queued']);
});
