// Tests what a worker records of a job that never can begin.
import { afterAll, expect, test } from 'vitest';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { openTestDatabase } from '../../support/database.js';
import { everyone, openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

test('a job that was postponed too often fails with the last reason, and the next one runs', async () => {
  await using node = openTestNode(store);
  node.worker.start();
  const broken = new EngineError('create', 'broken', 'the storage driver is confused');
  node.backend.fail('prepare', broken);
  const job = await node.submit();
  await expect.poll(() => node.queue.get(job.id, everyone)).toMatchObject({ code: 'engine_failed' });

  node.backend.fail('prepare', broken);
  const next = await node.submit();
  await sql`update jobs set postponements = 50, not_before = null where id = ${job.id}`;
  node.worker.wake();

  await expect
    .poll(() => node.queue.get(job.id, everyone), { timeout: 10_000 })
    .toMatchObject({
      state: 'failed',
      reason: 'infrastructure',
      code: 'postponed_too_often',
      message: expect.stringMatching(/50 times since \d{4}-.*the storage driver is confused/),
    });
  expect(await sql`select 1 from job_requests where job_id = ${job.id}`).toHaveLength(0);
  const events = await sql`select kind from events where job_id = ${job.id} order by seq`;
  expect(events.map(({ kind }) => kind)).toEqual(['submitted', 'claimed', 'postponed', 'claimed', 'failed']);
  await expect.poll(() => node.stateOf(next), { timeout: 10_000 }).toBe('succeeded');
});
