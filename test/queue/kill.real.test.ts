import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { finalStates } from '../../src/job/state.js';
import { sweepWaitingJobs } from '../../src/queue/maintenance/waiting-jobs.js';
import type { WorkerParts } from '../../src/queue/worker/worker.js';
import { openTestDatabase } from '../support/database.js';
import { asker } from '../support/stored-jobs.js';
import { caller, everyone, openTestNode, type TestNode } from '../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

function startNode(changes: Partial<WorkerParts> = {}): TestNode {
  const node = openTestNode(store, changes);
  nodes.push(node);
  node.worker.start();
  return node;
}

const isFinal = (state: string) => (finalStates as readonly string[]).includes(state);

/** A repeatable stream of numbers from 0 to 1. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The kinds of events of a job, in order. */
async function kindsOf(id: string): Promise<string[]> {
  const rows = await sql`select kind from events where job_id = ${id} order by seq`;
  return rows.map((row) => row.kind);
}

const rounds = 500;
const atOnce = 25;

test(`Q7: ${rounds} kills at random times leave one final state each, and nothing begins after a kill`, async () => {
  const random = numbersFrom(7);
  const node = startNode({ slots: atOnce });
  const endedBy = new Map<string, number>();

  for (let round = 0; round < rounds; round += atOnce)
    for (const history of await Promise.all(Array.from({ length: atOnce }, () => killOnce(node, random))))
      endedBy.set(history.join(' '), (endedBy.get(history.join(' ')) ?? 0) + 1);

  expect([...endedBy.keys()].flatMap(faultsOf)).toEqual([]);
  expect([...endedBy.values()].reduce((sum, count) => sum + count, 0)).toBe(rounds);
  expect(endedBy.size).toBeGreaterThan(4); // The kills met jobs at many moments.
  expect(node.backend.left).toEqual([]);
  expect(node.secrets.alive).toEqual([]);
  expect(await sql`select 1 from job_requests`).toEqual([]);
});

/** Kills one job at some moment of its run, sometimes twice, and returns its history. */
async function killOnce(node: TestNode, random: () => number): Promise<string[]> {
  const job = await node.submit(null);
  node.backend.runs(random() < 0.5 ? [{ linger: 'until_told' }] : [{ print: 'x' }], job.id);
  const moment = random() * 60;
  const isTwice = random() < 0.3;
  await delay(moment);
  const kill = () => node.queue.kill(job.id, everyone, caller);
  await Promise.all(isTwice ? [kill(), kill()] : [kill()]);
  await expect
    .poll(async () => isFinal(await node.stateOf(job)), { interval: 20, timeout: 10_000 })
    .toBe(true);
  const kinds = await kindsOf(job.id);
  const state = await node.stateOf(job);
  expect(kinds.filter(isFinal)).toEqual([state]);
  return kinds;
}

/** What is wrong with a history: two ends, an end that is neither a kill's nor the program's own, progress after a kill. */
function faultsOf(story: string): string[] {
  const kinds = story.split(' ');
  const ends = kinds.filter(isFinal);
  const killed = kinds.findIndex((kind) => kind === 'kill_requested' || kind === 'canceled');
  const after = killed < 0 ? [] : kinds.slice(killed + 1);
  const isEndWrong = ends.length !== 1 || !['canceled', 'succeeded'].includes(ends[0] ?? '');
  const livesOn = after.some((kind) => ['claimed', 'unwrapping', 'running', 'kill_requested'].includes(kind));
  return [...(isEndWrong ? [`wrong end: ${story}`] : []), ...(livesOn ? [`went on: ${story}`] : [])];
}

test('Q7: a kill reaches a job on another node within a second, by a notification', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  await using other = await store.listen({ onReady: () => {}, onKill: () => {}, onFailure: () => {} });
  await using _ = await store.listen({
    onReady: () => node.worker.wake(),
    onKill: (id) => node.worker.kill(id),
    onFailure: () => {},
  });
  const job = await node.submit();
  await expect.poll(() => node.stateOf(job)).toBe('running');

  const askedAt = performance.now();
  await store.requestKill(job.id, asker);
  other.notifyKill(job.id);
  await expect.poll(() => node.stateOf(job), { interval: 20 }).toBe('canceled');

  expect(performance.now() - askedAt).toBeLessThan(1_000);
  expect(await kindsOf(job.id)).toEqual(expect.arrayContaining(['kill_requested', 'stopping', 'canceled']));
});

test('Q7: a kill whose notification was missed is carried out within a second too', async () => {
  const node = startNode();
  await using _ = sweepWaitingJobs({
    store,
    node: 'node-1',
    wake: () => node.worker.wake(),
    kill: (id) => node.worker.kill(id),
    log: { info: () => {}, error: () => {} },
  });
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.stateOf(job)).toBe('running');

  await store.requestKill(job.id, asker);

  await expect.poll(() => node.stateOf(job), { timeout: 2_000 }).toBe('canceled');
});

test('Q7: the second of two kills changes neither who asked first nor when', async () => {
  const node = startNode();
  const hold = node.backend.hold('stop');
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.stateOf(job)).toBe('running');
  await node.queue.kill(job.id, everyone, caller);
  const first = await node.queue.get(job.id, everyone);

  await node.queue.kill(job.id, everyone, { ...caller, entityId: 'eve' });

  expect(await node.queue.get(job.id, everyone)).toMatchObject({
    killRequestedAt: first.killRequestedAt,
    killRequestedBy: 'entity:ann',
  });
  hold.release();
  await expect.poll(() => node.stateOf(job)).toBe('canceled');
});
