import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { submit, submitAndClaim } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
  await sql`truncate nodes`;
});

const facts = { id: 'node-1', engineId: 'engine-1', version: '1.0', slots: 4 };

test('a node is listed as it reports itself, with its active jobs and the time since its last heartbeat', async () => {
  await store.seeNode(facts, true);
  await submitAndClaim(store);
  await sql`update nodes set seen_at = seen_at - interval '1 minute'`;

  expect(await store.listNodes()).toEqual([
    {
      ...facts,
      startedAt: expect.any(Date),
      seenAt: expect.any(Date),
      draining: false,
      active: 1,
      silentMs: expect.closeTo(60_000, -4),
    },
  ]);
});

test('a heartbeat updates the time it was seen, a start also the time it was started', async () => {
  await store.seeNode(facts, true);
  await sql`update nodes set seen_at = '2000-01-01', started_at = '2000-01-01'`;
  const year = async () => {
    const [node] = await store.listNodes();
    return [node?.startedAt.getFullYear() === 2000, node?.seenAt.getFullYear() === 2000];
  };

  await store.seeNode(facts);
  expect(await year()).toEqual([true, false]);
  await store.seeNode(facts, true);
  expect(await year()).toEqual([false, false]);
});

test('an engine that does not answer keeps its last known id', async () => {
  await store.seeNode(facts);
  await store.seeNode({ ...facts, engineId: undefined, version: '1.1' });

  expect(await store.listNodes()).toMatchObject([{ engineId: 'engine-1', version: '1.1' }]);
});

test('Q8: a drained node claims nothing from that moment on, also after a restart; then it claims again', async () => {
  await store.seeNode(facts, true);
  const id = await submit(store);
  const claim = { node: 'node-1', limit: 1, leaseMs: 30_000 };

  expect(await store.setDraining('node-1', true, 'entity:ann')).toBe(true);
  expect(await store.claimJobs(claim)).toEqual([]);
  expect(await store.seeNode(facts, true)).toEqual({ draining: true });

  expect(await store.setDraining('node-1', false, 'entity:ann')).toBe(true);
  expect(await store.seeNode(facts)).toEqual({ draining: false });
  expect(await store.claimJobs(claim)).toMatchObject([{ id }]);
});

test('draining one node lets the others claim', async () => {
  await store.seeNode(facts, true);
  const id = await submit(store);
  await store.setDraining('node-1', true, 'entity:ann');

  expect(await store.claimJobs({ node: 'node-2', limit: 1, leaseMs: 30_000 })).toMatchObject([{ id }]);
});

test('each change is an event, a repeated one is none; an unknown node is reported', async () => {
  await store.seeNode({ ...facts, id: 'node-9' }, true);
  for (const draining of [true, true, false]) await store.setDraining('node-9', draining, 'entity:ann');

  expect(await store.setDraining('nobody', true, 'entity:ann')).toBe(false);
  expect(await sql`select kind, actor from events where node = 'node-9' order by seq`).toEqual([
    { kind: 'node_drained', actor: 'entity:ann' },
    { kind: 'node_reopened', actor: 'entity:ann' },
  ]);
});
