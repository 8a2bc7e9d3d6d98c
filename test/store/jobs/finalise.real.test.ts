import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { activeStates, finalStates } from '../../../src/job/state.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, noOutput, stateOf, submit, submitInto, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const action = { actor: 'entity:op', reason: 'the engine is dead' };

describe('Q7: a force-finalise', () => {
  test.each(activeStates)('of a job that is %s and should have been killed calls it lost', async (state) => {
    const { id } = await submitInto(store, state);
    const next = await submit(store);
    await store.requestKill(id, asker);

    expect(await store.finaliseJob(id, action, 0)).toEqual({ answer: 'done' });

    const facts = await store.readJobFacts(id, { everyone: true });
    expect(facts).toMatchObject({
      job: { state: 'lost', code: 'finalised', killRequestedBy: 'entity:ann' },
      outputComplete: false,
      outputFlaw: 'finalised',
    });
    expect((await store.readEvents(id)).at(-1)).toMatchObject({
      kind: 'lost',
      actor: 'entity:op',
      detail: { code: 'finalised', reason: 'the engine is dead' },
    });
    const [queue] = await store.readQueues({ name: 'q' });
    expect(queue).toMatchObject({
      held: true,
      holdUntil: null,
      holdJob: id,
      holdReason: 'finalised',
      holderId: null,
    });
    expect(await store.claimJobs({ node: 'node-1', limit: 9, leaseMs: 30_000 })).toEqual([]);

    expect(await store.releaseQueue('q', action)).toEqual({ answer: 'reopened', nextReady: true });
    expect(await stateOf(store, next)).toBe('queued');
  });

  test('takes the claim from the worker: nothing it writes from then on counts', async () => {
    const claim = await submitInto(store, 'running');
    await store.requestKill(claim.id, asker);
    await store.finaliseJob(claim.id, action, 0);

    await expect(store.finishJob(claim, succeeded, noOutput)).rejects.toBeInstanceOf(FencedError);
    const chunk = { seq: 0, position: 0, runs: [1], bytes: Buffer.from('x'), drop: undefined };
    await expect(store.appendOutput(claim, chunk)).rejects.toBeInstanceOf(FencedError);
    expect(await store.extendLeases([claim], 30_000)).toEqual([]);
    expect(await stateOf(store, claim.id)).toBe('lost');
  });

  test('ends by itself when the container is proven gone', async () => {
    const { id } = await submitInto(store, 'running');
    const next = await submit(store);
    await store.requestKill(id, asker);
    await store.finaliseJob(id, action, 0);

    expect(await store.listHolds('node-1', undefined)).toEqual([{ queue: 'q', jobId: id, isOwn: true }]);
    expect(await store.endHold({ queue: 'q', jobId: id }, 'node-1')).toEqual({ nextReady: true });

    expect(await sql`select turn from jobs where id = ${next}`).toEqual([{ turn: true }]);
  });
});

describe('Q7: a force-finalise that is not called for', () => {
  test('is refused before a kill, and while the kill may still be carried out', async () => {
    const { id } = await submitInto(store, 'running');

    expect(await store.finaliseJob(id, action, 0)).toEqual({ answer: 'early' });
    await store.requestKill(id, asker);
    expect(await store.finaliseJob(id, action, 60_000)).toEqual({ answer: 'early' });

    expect(await stateOf(store, id)).toBe('running');
  });

  test.each(finalStates)('of a job that is %s changes nothing', async (state) => {
    const { id } = await submitInto(store, state);

    expect(await store.finaliseJob(id, action, 0)).toEqual({ answer: 'ended' });

    expect(await stateOf(store, id)).toBe(state);
    expect((await store.readQueues({ name: 'q' }))[0]).toMatchObject({ held: false });
  });

  test('of a job that nobody has finds none', async () => {
    expect(await store.finaliseJob('0'.repeat(24), action, 0)).toEqual({ answer: 'missing' });
  });

  test('and the end of the job, at once, leave one final state', async () => {
    for (let round = 0; round < 20; round++) {
      await database.clear();
      const claim = await submitInto(store, 'running');
      await store.requestKill(claim.id, asker);

      const [finalised, finished] = await Promise.allSettled([
        store.finaliseJob(claim.id, action, 0),
        store.finishJob(claim, { ...succeeded, state: 'canceled' }, noOutput),
      ]);

      const state = await stateOf(store, claim.id);
      const byOperator = finalised.status === 'fulfilled' && finalised.value.answer === 'done';
      expect(state).toBe(byOperator ? 'lost' : 'canceled');
      expect(finished.status).toBe(byOperator ? 'rejected' : 'fulfilled');
    }
  });
});
