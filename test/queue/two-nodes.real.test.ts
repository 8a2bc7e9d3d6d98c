import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokenError } from '../../src/job/errors.js';
import type { Store } from '../../src/store/store.js';
import { openTestDatabase } from '../support/database.js';
import { Hold } from '../support/fake-backend.js';
import { openTestNode, type TestNode } from '../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
  await sql`truncate nodes`;
});

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

const sealKey = Buffer.alloc(32, 7);

/** Nodes share the database and the seal key, and a Vault where it is given. Each has an engine of its own. */
function startNode(name: string, changes: Parameters<typeof openTestNode>[1] = {}): TestNode {
  const node = openTestNode(store, { node: name, sealKey, leaseMs: 600_000, ...changes });
  nodes.push(node);
  node.worker.start();
  return node;
}

/** A store that pauses its user after this statement, already carried out, until the hold is released. */
function pausedAfter(name: 'markSpending' | 'markRunning'): { store: Store; hold: Hold } {
  const hold = new Hold();
  const statement: Store['markRunning'] = async (claim) => {
    const answer = await store[name](claim);
    await hold.wait();
    return answer;
  };
  return { store: { ...store, [name]: statement }, hold };
}

/** What another node finds after a long silence: every lease is over. */
async function takeOver() {
  await sql`update jobs set lease_until = clock_timestamp() - interval '1 hour' where lease_until is not null`;
  return (await store.settleDeadJobs('node-b', { graceMs: 1_000, holdMs: 600_000 })).map(
    ({ state }) => state,
  );
}

describe('Q2: a node that wakes after another one took over', () => {
  test('before the unwrap spends nothing, and the job runs once, elsewhere', async () => {
    const late = startNode('node-a');
    const hold = late.backend.hold('prepare');
    const job = await late.submit();
    await hold.reached;

    expect(await takeOver()).toEqual(['queued']);
    const other = startNode('node-b', { secrets: late.secrets });
    await expect.poll(() => other.stateOf(job)).toBe('succeeded');
    hold.release();

    await expect.poll(() => late.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(late.secrets.count('unwrap')).toBe(1);
    expect(late.backend.count('start')).toBe(0);
    expect(late.backend.left).toEqual([]);
    expect(await other.stateOf(job)).toBe('succeeded');
  });

  test('right before the unwrap does not unwrap', async () => {
    const paused = pausedAfter('markSpending');
    const late = startNode('node-a', { store: paused.store, leaseMs: 300 });
    const job = await late.submit();
    await paused.hold.reached;

    expect(await takeOver()).toEqual(['lost']);
    await trustIsOver();
    paused.hold.release();

    await expect.poll(() => late.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(late.secrets.count('unwrap')).toBe(0);
    expect(await late.stateOf(job)).toBe('lost');
  });

  test('right before the start does not start, revokes its token and removes its container', async () => {
    const paused = pausedAfter('markRunning');
    const late = startNode('node-a', { store: paused.store, leaseMs: 300 });
    const job = await late.submit();
    await paused.hold.reached;

    expect(await takeOver()).toEqual(['lost']);
    await trustIsOver();
    paused.hold.release();

    await expect.poll(() => late.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(late.backend.count('start')).toBe(0);
    expect(late.backend.left).toEqual([]);
    expect(late.secrets.alive).toEqual([]);
    expect(await late.stateOf(job)).toBe('lost');
  });

  test('while its job runs stops the container and writes nothing', async () => {
    const late = startNode('node-a', { leaseMs: 300 });
    late.backend.runs([{ print: 'early' }, { linger: 'until_told' }]);
    const job = await late.submit();
    await expect.poll(() => late.backend.count('wait')).toBe(1);

    expect(await takeOver()).toEqual(['lost']);

    await expect.poll(() => late.backend.left).toEqual([]);
    await expect.poll(() => late.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(await late.stateOf(job)).toBe('lost');
    expect(late.secrets.alive).toEqual([]);
  });
});

/** Longer than the lease of 300 ms, with nothing to wait for but time. */
async function trustIsOver(): Promise<void> {
  const end = performance.now() + 320;
  await expect.poll(() => performance.now()).toBeGreaterThan(end);
}

test('Q2: a node whose local lease is over asks before it starts, and goes on when no other node took the job', async () => {
  let isUnavailable = true;
  const extendLeases: Store['extendLeases'] = (...args) =>
    isUnavailable
      ? Promise.reject(new BrokenError('database_unavailable', 'Unavailable.'))
      : store.extendLeases(...args);
  const paused = pausedAfter('markRunning');
  const node = startNode('node-a', { store: { ...paused.store, extendLeases }, leaseMs: 300 });
  const job = await node.submit();
  await paused.hold.reached;
  await trustIsOver();

  paused.hold.release();
  await expect
    .poll(() => node.logged.filter((line) => line.includes('extend leases')).length)
    .toBeGreaterThan(1);
  expect(node.backend.count('start')).toBe(0);
  isUnavailable = false;

  await expect.poll(() => node.stateOf(job), { timeout: 5_000 }).toBe('succeeded');
});

describe('Q6: the next job of a queue whose job is lost', () => {
  test('waits until the hold ends, whichever node claims', async () => {
    const gone = startNode('node-a');
    gone.backend.runs([{ linger: 'until_told' }]);
    const job = await gone.submit('held');
    await expect.poll(() => gone.backend.count('wait')).toBe(1);
    const next = await gone.submit('held');
    await takeOver();
    const other = startNode('node-b', { secrets: gone.secrets });

    const beside = await other.submit('free');
    await expect.poll(() => other.stateOf(beside)).toBe('succeeded');
    other.worker.wake();
    expect(await other.stateOf(next)).toBe('queued');

    await store.endHold({ queue: 'held', jobId: job.id }, 'node-b');
    other.worker.wake();
    await expect.poll(() => other.stateOf(next)).toBe('succeeded');
  });
});

describe('Q8: a node that an operator drains', () => {
  test('goes on with its jobs, claims no new ones, and claims again after the drain', async () => {
    const node = startNode('node-a', { leaseMs: 300 });
    const hold = node.backend.hold('wait');
    const running = await node.submit();
    await hold.reached;
    await expect.poll(() => store.setDraining('node-a', true, 'entity:ann')).toBe(true);
    const waiting = await node.submit();
    hold.release();

    await expect.poll(() => node.stateOf(running)).toBe('succeeded');
    await expect.poll(() => node.worker.draining).toBe(true);
    node.worker.wake();
    expect(await node.stateOf(waiting)).toBe('queued');

    await store.setDraining('node-a', false, 'entity:ann');
    await expect.poll(() => node.stateOf(waiting), { timeout: 5_000 }).toBe('succeeded');
    await expect.poll(() => node.worker.draining).toBe(false);
  });
});

test('a node without any job sends heartbeats', async () => {
  startNode('node-a', { leaseMs: 300 });
  await expect
    .poll(() => store.listNodes())
    .toMatchObject([{ id: 'node-a', version: 'test', slots: 4, active: 0 }]);
  const [first] = await store.listNodes();

  await expect
    .poll(async () => (await store.listNodes())[0]?.seenAt.getTime())
    .toBeGreaterThan(first?.seenAt.getTime() ?? Number.POSITIVE_INFINITY);
  expect((await store.listNodes())[0]?.startedAt).toEqual(first?.startedAt);
});
