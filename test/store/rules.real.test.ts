import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestDatabase } from '../support/database.js';
import { submit, submitInto } from '../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const checkViolation = '23514';

describe('the database refuses', () => {
  test.each([
    ['an unknown state', 'running', { state: 'resting' }],
    ['a reason without a failure', 'succeeded', { reason: 'exit_code' }],
    ['a failure without a reason', 'failed', { reason: null }],
    ['an unknown reason', 'failed', { reason: 'bad_luck' }],
    ['an end without its time', 'succeeded', { finished_at: null }],
    ['an active job that has ended', 'running', { finished_at: new Date() }],
    ['an active job without a lease', 'running', { lease_until: null }],
    ['a waiting job with a lease', 'queued', { lease_until: new Date() }],
    ['an active job that no node holds', 'running', { node: null }],
    ['an active job without a fence', 'running', { fence: null }],
    ['an active job without the turn', 'running', { turn: false }],
    ['an ended job with the turn', 'succeeded', { turn: true }],
    ['a success with an exit code', 'succeeded', { exit_code: 1 }],
    ['a success without an exit code', 'succeeded', { exit_code: null }],
    ['complete output with a flaw', 'succeeded', { output_flaw: 'output_broken' }],
    ['incomplete output without a flaw', 'succeeded', { output_complete: false }],
  ] as const)('%s', async (_, state, change) => {
    const { id } = await submitInto(store, state);

    await expect(sql`update jobs set ${sql(change)} where id = ${id}`).rejects.toMatchObject({
      code: checkViolation,
    });
  });

  test('a waiting job without a queue that has no turn', async () => {
    const id = await submit(store, { queue: null });

    await expect(sql`update jobs set turn = false where id = ${id}`).rejects.toMatchObject({
      code: checkViolation,
    });
  });

  test('an id that is none', async () => {
    await expect(submit(store, { id: 'XYZ' })).rejects.toThrow(checkViolation);
  });

  test('two jobs of one queue that are ready or active', async () => {
    await submitInto(store, 'running');
    const next = await submit(store);

    await expect(sql`update jobs set turn = true where id = ${next}`).rejects.toMatchObject({
      code: '23505',
      constraint_name: 'jobs_one_turn_per_queue',
    });
  });

  test.each([
    'update events set kind = kind',
    'delete from events',
    'delete from events where false',
    'truncate events',
  ])('to change history: %s', async (statement) => {
    await submit(store);

    await expect(sql.unsafe(statement)).rejects.toThrow('The table events is append-only.');
  });
});

test('events name who did what, in order', async () => {
  const { id } = await submitInto(store, 'succeeded');

  const events = await sql`select kind, actor from events where job_id = ${id} order by seq`;

  expect(events.map(({ kind, actor }) => `${kind} by ${actor}`)).toEqual([
    'submitted by entity:ann',
    'claimed by node:node-1',
    'unwrapping by node:node-1',
    'logged_in by node:node-1',
    'running by node:node-1',
    'succeeded by node:node-1',
  ]);
});
