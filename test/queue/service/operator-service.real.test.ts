import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { sweepWaitingJobs } from '../../../src/queue/maintenance/waiting-jobs.js';
import { createOperations } from '../../../src/queue/service/operator-service.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, stateOf, submit, submitInto, succeeded } from '../../support/stored-jobs.js';
import { everyone } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
  await sql`truncate nodes`;
});

const request = { actor: 'entity:op', reason: 'maintenance' };

function openDesk(blocker?: string) {
  const told: string[] = [];
  const operations = createOperations({
    store,
    leaseMs: 30_000,
    killGraceMs: 0,
    blocker: () => blocker,
    wake: () => void told.push('wake'),
  });
  return { operations, told };
}

function appear(id = 'node-1', slots = 4) {
  return store.seeNode({ id, engineId: 'engine-1', version: '1', slots });
}

describe('a queue', () => {
  test('is paused and resumed, says so and why, and wakes the nodes when a job gets the turn again', async () => {
    const { operations, told } = openDesk();
    await appear();
    const id = await submit(store);

    const paused = await operations.pause('q', request);
    const resumed = await operations.resume('q', 'entity:op');
    await operations.resume('q', 'entity:op');

    expect(paused).toMatchObject({
      state: 'paused',
      pause: { by: 'entity:op', reason: 'maintenance' },
      holder: undefined,
      waiting: 1,
      why: expect.stringContaining('paused by entity:op'),
    });
    expect(resumed).toMatchObject({ state: 'open', holder: { id, state: 'queued' }, waiting: 0 });
    expect(resumed.why).toContain('about to be taken');
    expect(told).toEqual(['wake']);
  });

  test('says who is before the first waiting job, and on which node', async () => {
    const { operations } = openDesk();
    const { id } = await submitInto(store, 'running');
    await submit(store);

    expect((await operations.queue('q')).why).toBe(`Job ${id} is running on node node-1.`);
  });

  test('says that no node is alive to take its job, or none is free', async () => {
    const { operations } = openDesk();
    await submit(store);
    expect((await operations.queue('q')).why).toContain('no node is alive');

    await appear('node-1', 1);
    expect((await operations.queue('q')).why).toContain('about to be taken');

    await store.setDraining('node-1', true, 'entity:op');
    expect((await operations.queue('q')).why).toContain('draining');

    await store.setDraining('node-1', false, 'entity:op');
    await claimOne(store);
    await submit(store, { queue: 'other' });
    expect((await operations.queue('other')).why).toContain('no node has a free slot');
  });

  test('says which problem of a part keeps this node from taking jobs', async () => {
    const { operations } = openDesk('Vault is sealed.');
    await appear();
    await submit(store);

    expect((await operations.queue('q')).why).toContain('Vault is sealed.');
  });

  test('that is not there is not found', async () => {
    const { operations } = openDesk();

    for (const ask of [
      () => operations.queue('none'),
      () => operations.resume('none', 'entity:op'),
      () => operations.release('none', request),
      () => operations.setDraining('none', true, 'entity:op'),
      () => operations.job('0'.repeat(24), everyone),
      () => operations.finalise('0'.repeat(24), request),
    ])
      await expect(ask()).rejects.toMatchObject({ name: 'RefusedError', code: 'not_found' });
  });
});

test('a job is not finalised before the time that it asked for after a kill is over', async () => {
  const { operations } = openDesk();
  const { id } = await submitInto(store, 'running', { options: { stopGraceMs: 60_000 } });
  await store.requestKill(id, asker);

  expect((await operations.job(id, everyone)).killProblem).toBeUndefined();
  await expect(operations.finalise(id, request)).rejects.toMatchObject({ code: 'conflict' });
});

describe('a job', () => {
  test('shows its steps and its end', async () => {
    const { operations } = openDesk();
    const claim = await submitInto(store, 'running', { wrapLeftMs: 60_000 });
    const known = await operations.job(claim.id, everyone);
    expect(known).toMatchObject({ token: 'live' });
    expect(Number(known.wrapExpiresAt) - Number(known.job.submittedAt)).toBeCloseTo(60_000, -3);
    await store.requestKill(claim.id, asker);
    await store.markStopping(claim, 'kill');
    expect((await operations.job(claim.id, everyone)).killProblem).toContain('engine of node node-1');
    await store.finishJob(
      claim,
      { ...succeeded, state: 'canceled' },
      { stdoutBytes: 3, stderrBytes: 4, flaw: 'output_broken' },
    );

    const ended = await operations.job(claim.id, everyone);
    await store.markTokenRevoked(claim.id, 'node:node-1');

    expect(ended).toMatchObject({
      job: { state: 'canceled', killRequestedBy: 'entity:ann', killRequestedAt: expect.any(Date) },
      fence: claim.fence,
      token: 'pending',
      output: { stdoutBytes: 3, stderrBytes: 4, complete: false, flaw: 'output_broken' },
    });
    expect(ended.events.map(({ kind, actor }) => [kind, actor])).toEqual([
      ['submitted', 'entity:ann'],
      ['claimed', 'node:node-1'],
      ['unwrapping', 'node:node-1'],
      ['logged_in', 'node:node-1'],
      ['running', 'node:node-1'],
      ['kill_requested', 'entity:ann'],
      ['stopping', 'node:node-1'],
      ['canceled', 'node:node-1'],
    ]);
    expect((await operations.job(claim.id, everyone)).token).toBe('revoked');
  });

  test('that never had a token says so, and a foreign one is not found', async () => {
    const { operations } = openDesk();
    const id = await submit(store);

    expect(await operations.job(id, everyone)).toMatchObject({ token: 'none', fence: undefined });
    const stranger = { everyone: false, ownerKey: 'entity:bob' } as const;
    await expect(operations.job(id, stranger)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is finalised with a reason once its kill was asked for', async () => {
    const { operations } = openDesk();
    const { id } = await submitInto(store, 'running');
    await expect(operations.finalise(id, request)).rejects.toMatchObject({ code: 'conflict' });
    await store.requestKill(id, asker);

    expect(await operations.finalise(id, request)).toMatchObject({
      job: { state: 'lost', code: 'finalised' },
    });

    await expect(operations.finalise(id, request)).rejects.toMatchObject({ code: 'conflict' });
    expect(await operations.queue('q')).toMatchObject({
      state: 'held',
      hold: { job: id, reason: 'finalised', until: undefined },
      why: expect.stringContaining('until an operator releases it'),
    });
    expect(await operations.release('q', request)).toMatchObject({ state: 'open', why: 'No job waits.' });
  });
});

test('settings of a queue are answered as they are then', async () => {
  const { operations } = openDesk();

  const set = await operations.configure('new', { maxWaiting: 3, holdOnFailure: true }, 'entity:op');

  expect(set).toMatchObject({ name: 'new', state: 'open', maxWaiting: 3, holdOnFailure: true });
  expect((await operations.queues({ after: undefined, limit: 10 })).map(({ name }) => name)).toEqual(['new']);
});

test('nodes show whether they are alive, and are drained and reopened', async () => {
  const { operations, told } = openDesk();
  await appear('node-1');
  await appear('node-2');
  await sql`update nodes set seen_at = clock_timestamp() - interval '1 minute' where id = 'node-2'`;
  await submitInto(store, 'running');

  const drained = await operations.setDraining('node-1', true, 'entity:op');
  const back = await operations.setDraining('node-1', false, 'entity:op');

  expect(drained).toMatchObject([
    { id: 'node-1', alive: true, draining: true, active: 1 },
    { id: 'node-2', alive: false, draining: false, active: 0 },
  ]);
  expect(back[0]).toMatchObject({ draining: false });
  expect(told).toEqual(['wake']);
});

test('V6: the sweep ends a waiting job whose wrapping token has expired, and wakes the nodes for the next', async () => {
  const told: string[] = [];
  const first = await submit(store, { wrapLeftMs: -60_000 });
  await submit(store);
  const log = { info: () => {}, error: () => {} };
  await using _ = sweepWaitingJobs({
    store,
    node: 'node-1',
    wake: () => told.push('wake'),
    kill: () => {},
    log,
  });

  await expect.poll(() => stateOf(store, first), { timeout: 5_000 }).toBe('failed');
  await expect.poll(() => told).toEqual(['wake']);
});

test('a release where nothing is held, or no longer, is answered with the queue as it is, and writes no event', async () => {
  const { operations } = openDesk();
  const { id } = await submitInto(store, 'running', { queue: 'once' });
  expect(await operations.release('once', request)).toMatchObject({ state: 'open' });
  await store.requestKill(id, asker);
  await operations.finalise(id, request);

  for (let i = 0; i < 2; i++)
    expect(await operations.release('once', request)).toMatchObject({ state: 'open', why: 'No job waits.' });

  const kinds = (await sql`select kind from events where queue = 'once'`).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'queue_released')).toHaveLength(1);
});
