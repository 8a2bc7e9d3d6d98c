import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeadNodeSweep } from '../../src/queue/takeover/dead-nodes.js';
import { openTestDatabase } from '../support/database.js';
import { FakeSecrets } from '../support/fake-secrets.js';
import { openTestNode, type TestNode } from '../support/test-node.js';

// When an engine gives no answer for too long, its job is lost and its container may still run.

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const secrets = new FakeSecrets();
const nodes: TestNode[] = [];
const watches: DeadNodeSweep[] = [];
afterEach(async () => {
  for (const each of watches.splice(0)) await each[Symbol.asyncDispose]();
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

async function openNode(name: string, holdLimitMs = 60_000): Promise<TestNode> {
  const node = openTestNode(store, { node: name, secrets, holdLimitMs, sealKey: Buffer.alloc(32) });
  nodes.push(node);
  await store.seeNode({ id: name, engineId: `engine of ${name}`, version: '0', slots: 4 });
  return node;
}

/** What a node does beside its jobs; `removeJob` asks its engine. */
function watch(node: string, removeJob: () => Promise<number>, wake: () => void): void {
  const log = { info: () => undefined, error: () => undefined };
  const engineId = async () => `engine of ${node}`;
  const times = { leaseMs: 300, graceMs: 300, holdMs: 60_000 };
  watches.push(
    new DeadNodeSweep({ ...times, store, node, engineId, removeJob, wake, onLost: () => undefined, log }),
  );
}

async function isHeld(): Promise<boolean> {
  const [row] =
    await sql`select hold_reason, hold_until > clock_timestamp() as held from queues where name = 'q'`;
  return row?.held === true && row?.hold_reason === 'engine_lost';
}

async function unavailable(): Promise<never> {
  throw new Error('The engine does not answer.');
}

/** One job whose engine becomes unreachable while it runs, and the next job of its queue. */
async function loseOne(): Promise<{ lost: TestNode; other: TestNode; ids: [string, string] }> {
  const [lost, other] = [await openNode('node-1'), await openNode('node-2')];
  lost.backend.runs([{ vanish: true }]);
  lost.worker.start();
  const first = await lost.submit();
  const next = await lost.submit();
  await vi.waitFor(async () => expect(await lost.stateOf(first)).toBe('lost'), 10_000);
  lost.backend.runs([]);
  other.worker.start();
  return { lost, other, ids: [first.id, next.id] };
}

test('the queue waits until its own node has found the container gone', async () => {
  const { lost, other, ids } = await loseOne();
  expect(await isHeld()).toBe(true);
  let isUnavailable = true;
  const removeJob = vi.fn<() => Promise<number>>(async () => (isUnavailable ? unavailable() : 1));
  watch('node-1', removeJob, () => lost.worker.wake());
  watch(
    'node-2',
    async () => 0,
    () => other.worker.wake(),
  );

  await vi.waitFor(() => expect(removeJob.mock.calls.length).toBeGreaterThan(2), 10_000);
  expect(await lost.stateOf({ id: ids[1] })).toBe('queued');
  isUnavailable = false;

  await vi.waitFor(async () => expect(await lost.stateOf({ id: ids[1] })).toBe('succeeded'), 10_000);
  const kinds = await sql`select kind from events where job_id = ${ids[0]} order by seq`;
  expect(kinds.map(({ kind }) => kind).slice(-2)).toEqual(['lost', 'hold_ended']);
});

test('the queue goes on when the time of the hold is over', async () => {
  const node = await openNode('node-1', 500);
  node.backend.runs([{ vanish: true }]);
  node.worker.start();
  const first = await node.submit();
  const next = await node.submit();
  await vi.waitFor(async () => expect(await node.stateOf(first)).toBe('lost'), 10_000);
  node.backend.runs([]);
  watch('node-1', unavailable, () => node.worker.wake());

  await vi.waitFor(async () => expect(await node.stateOf(next)).toBe('succeeded'), 10_000);
});

test('a job without a queue holds nothing', async () => {
  const node = await openNode('node-1');
  node.backend.runs([{ vanish: true }]);
  node.worker.start();

  const job = await node.submit(null);

  await vi.waitFor(async () => expect(await node.stateOf(job)).toBe('lost'), 10_000);
  expect(await sql`select name from queues where hold_until is not null`).toEqual([]);
});
