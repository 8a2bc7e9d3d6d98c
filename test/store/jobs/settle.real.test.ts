import { afterAll, beforeEach, expect, test } from 'vitest';
import { finalStates } from '../../../src/job/state.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, stateOf, submit, submitAndClaim, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

test('a job that had spent nothing goes back to its place and is run', async () => {
  const claim = await submitAndClaim(store);
  const next = await submit(store);

  expect(await store.settleOwnJobs('node-1')).toEqual([
    expect.objectContaining({ id: claim.id, state: 'queued', tokenAccessor: null }),
  ]);

  expect((await store.findJob(claim.id, { everyone: true }))?.job).toMatchObject({
    state: 'queued',
    code: 'node_restarted',
    message: 'The node was restarted, or lost the answer to its claim, before the job began.',
    startedAt: undefined,
  });
  expect((await claimOne(store)).id).toBe(claim.id);
  expect(await stateOf(store, next)).toBe('queued');
});

test.each(['running', 'stopping'] as const)(
  'a job that was %s is lost and passes the turn on',
  async (state) => {
    const claim = await submitInto(store, state);
    const next = await submit(store);

    expect(await store.settleOwnJobs('node-1')).toEqual([
      expect.objectContaining({ id: claim.id, state: 'lost', tokenAccessor: 'accessor-1' }),
    ]);

    expect(await store.findJob(claim.id, { everyone: true })).toMatchObject({
      job: { state: 'lost', code: 'node_restarted', finishedAt: expect.any(Date) },
      outputComplete: false,
      outputFlaw: 'node_restarted',
    });
    expect((await claimOne(store)).id).toBe(next);
  },
);

test('a job that may have spent its credentials is lost, and they are deleted', async () => {
  const claim = await submitAndClaim(store);
  await store.markSpending(claim);

  await store.settleOwnJobs('node-1');

  expect(await stateOf(store, claim.id)).toBe('lost');
  expect(await sql`select 1 from job_requests`).toHaveLength(0);
});

test('a job that was to be killed is canceled, not run again', async () => {
  const claim = await submitAndClaim(store);
  const next = await submit(store);
  await store.requestKill(claim.id, asker);

  expect(await store.settleOwnJobs('node-1')).toEqual([
    expect.objectContaining({ id: claim.id, state: 'canceled' }),
  ]);

  expect(await store.findJob(claim.id, { everyone: true })).toMatchObject({
    job: { state: 'canceled', code: 'killed', message: 'job killed', finishedAt: expect.any(Date) },
    outputComplete: true,
  });
  expect(await sql`select job_id from job_requests`).toEqual([{ job_id: next }]);
  expect((await claimOne(store)).id).toBe(next);
});

test('a job that was to be killed and may have run is lost', async () => {
  const claim = await submitInto(store, 'running');
  await store.requestKill(claim.id, asker);

  await store.settleOwnJobs('node-1');

  expect(await stateOf(store, claim.id)).toBe('lost');
});

test('jobs of other nodes, waiting and ended ones are left alone', async () => {
  for (const state of finalStates) await submitInto(store, state, { queue: `q-${state}` });
  const foreign = await submit(store, { queue: 'foreign' });
  await claimOne(store, 'node-2');
  const waiting = await submit(store, { queue: 'waiting' });

  expect(await store.settleOwnJobs('node-1')).toEqual([]);

  expect(await stateOf(store, foreign)).toBe('preparing');
  expect(await stateOf(store, waiting)).toBe('queued');
});

test('many jobs are settled at once, each with an event', async () => {
  for (let i = 0; i < 5; i++) await submit(store, { queue: `q${i}` });
  await store.claimJobs({ node: 'node-1', limit: 5, leaseMs: 30_000 });
  await sql`update jobs set unwrapped_at = now() where queue in ('q0', 'q1')`;
  const waiting = await submit(store, { queue: 'q0' });

  const settled = await store.settleOwnJobs('node-1');

  expect(settled.map((each) => each.state).toSorted()).toEqual([
    'lost',
    'lost',
    'queued',
    'queued',
    'queued',
  ]);
  const events = await sql`
    select kind from events where actor = 'node:node-1' and kind <> 'claimed'
      and job_id in ${sql(settled.map((each) => each.id))}`;
  expect(events).toHaveLength(5);
  const rows = await store.claimJobs({ node: 'node-1', limit: 9, leaseMs: 30_000 });
  expect(rows).toHaveLength(4);
  expect(rows.map((row) => row.id)).toContain(waiting);
});

test('claims that the node still works on are left alone', async () => {
  const known = await submitAndClaim(store, { queue: 'a' });
  const forgotten = await submitAndClaim(store, { queue: 'b' });

  const settled = await store.settleOwnJobs('node-1', [known]);

  expect(settled.map((each) => each.id)).toEqual([forgotten.id]);
  expect(await stateOf(store, known.id)).toBe('preparing');
});
