import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../support/database.js';
import { everyone, openTestNode, type TestNode } from '../support/test-node.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

function startNode(): TestNode {
  const node = openTestNode(store);
  nodes.push(node);
  node.worker.start();
  return node;
}

const longTimeoutMs = 60_000;

test('Q8: a node without jobs is finished at once', async () => {
  expect(await startNode().worker.finish(longTimeoutMs)).toBe('finished');
});

test('Q8: a node that detaches does not wait for a running job, and does not touch it', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.backend.count('wait')).toBe(1);

  const end = node.worker.finish(longTimeoutMs);
  node.worker.detach(longTimeoutMs);

  expect(await end).toBe('detached');
  expect(await node.stateOf(job)).toBe('running');
  expect(node.backend.count('stop')).toBe(0);
  expect(node.secrets.alive).toHaveLength(1);
});

test('Q8: nor does it touch one that has no credentials to spend', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit(null, { door: 'gaffer', wrappedSecretId: undefined });
  await expect.poll(() => node.backend.count('wait')).toBe(1);

  const end = node.worker.finish(longTimeoutMs);
  node.worker.detach(longTimeoutMs);

  expect(await end).toBe('detached');
  expect(await node.stateOf(job)).toBe('running');
  expect(node.backend.count('stop')).toBe(0);
});

test('Q8: it returns a job that has not begun to the queue', async () => {
  const node = startNode();
  const hold = node.backend.hold('prepare');
  const job = await node.submit();
  await hold.reached;

  const end = node.worker.finish(longTimeoutMs);
  node.worker.detach(longTimeoutMs);

  expect(await end).toBe('finished');
  expect(await node.queue.get(job.id, everyone)).toMatchObject({ state: 'queued', code: 'shutdown' });
  expect(node.secrets.count('unwrap')).toBe(0);
  hold.release();
});

test('Q8: it waits until a job whose credentials are spent runs and can be adopted', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  const hold = node.backend.hold('deliver');
  const job = await node.submit();
  await hold.reached;

  let isOver = false;
  const end = node.worker.finish(longTimeoutMs).finally(() => {
    isOver = true;
  });
  node.worker.detach(longTimeoutMs);
  await node.stateOf(job);
  expect(isOver).toBe(false);
  hold.release();

  expect(await end).toBe('detached');
  expect(await node.stateOf(job)).toBe('running');
  expect(node.backend.count('start')).toBe(1);
});

test('Q8: but no longer than its limit', async () => {
  const node = startNode();
  const hold = node.backend.hold('deliver');
  await node.submit();
  await hold.reached;

  const end = node.worker.finish(longTimeoutMs);
  node.worker.detach(20);

  expect(await end).toBe('detached');
  hold.release();
});

test('Q8: jobs that take longer than the drain timeout are detached, not stopped', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.backend.count('wait')).toBe(1);

  expect(await node.worker.finish(20)).toBe('detached');

  expect(await node.stateOf(job)).toBe('running');
  expect(node.backend.left).toHaveLength(1);
});

test('Q9: an adopted job runs under its new fence to its real end, and its queue goes on', async () => {
  const node = startNode();
  node.backend.runs([{ print: 'hello' }, { linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.backend.count('wait')).toBe(1);
  const next = await node.submit();
  await expect.poll(async () => (await node.queue.output(job.id, everyone)).combined.length).toBe(5);
  const [row] = await store.adoptOwnJobs('node-1', 30_000);
  const heir = openTestNode(store, { secrets: node.secrets, sealKey: node.sealKey, backend: node.backend });
  nodes.push(heir);

  heir.worker.start(row === undefined ? [] : [row]);
  await expect.poll(() => heir.logged).toContain(`job adopted {"jobId":"${job.id}","queue":"q"}`);
  await heir.queue.kill(job.id, everyone, {
    entityId: 'ann',
    accessor: 'a',
    displayName: 'Ann',
    policies: [],
  });

  await expect.poll(() => heir.stateOf(job)).toBe('canceled');
  expect(node.backend.asked.filter((each) => each === `start ${job.id}`)).toHaveLength(1);
  await expect.poll(() => heir.stateOf(next)).toBe('running');
});
