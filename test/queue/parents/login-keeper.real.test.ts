import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { Door, Job } from '../../../src/job/job.js';
import { verdictOf } from '../../../src/job/outcome.js';
import { endBy } from '../../../src/job/parents/end-by.js';
import type { DoorPlanner, Planner } from '../../../src/job/parents/planner.js';
import { type LoginKeeperParts, renewDue } from '../../../src/queue/parents/login-keeper.js';
import { openTestDatabase } from '../../support/database.js';
import { caller, everyone, openTestNode, type TestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

let node: TestNode;
afterEach(() => node[Symbol.asyncDispose]());

const over = verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 });

/** Runs two children, one after another, and rests until it is killed. */
const planner: Planner = {
  note: (progress) => progress,
  next: (view) => {
    const begun = view.progress as number;
    if (begun === 9) return endBy(view, over);
    if (begun === 2 || view.active.length > 0) return { do: 'wait', progress: begun };
    const child = { slot: begun, queue: null, fields: view.fields, listed: false };
    return { do: 'start', child, progress: begun + 1 };
  },
};
const planners: ReadonlyMap<Door, DoorPlanner> = new Map([['runai', { planner }]]);

/** A parent that rests, with the login that its first child made. */
async function restingParent(): Promise<Job> {
  node = openTestNode(store, { planners });
  node.worker.start();
  node.parents.start();
  const parent = await node.submit(null, {
    door: 'runai',
    queue: null,
    parent: { plan: {}, progress: 0 },
  });
  const ended = async () => (await node.queue.children(parent.id, everyone)).map(({ state }) => state).join();
  await expect.poll(ended).toBe('succeeded,succeeded');
  return parent;
}

function keeper(): LoginKeeperParts {
  const log = { info: () => undefined, error: (message: string) => void node.logged.push(message) };
  return { store, sealKey: node.sealKey, secrets: node.secrets, log };
}

const makeDue = () => sql`update parents set renew_at = now() where renew_at is not null`;

async function dueInMs(): Promise<number | undefined> {
  const [row] = await sql<{ ms: number | null }[]>`
    select (extract(epoch from renew_at - clock_timestamp()) * 1000)::float8 as ms from parents`;
  return row?.ms ?? undefined;
}

test('a login that is kept is renewed when two thirds of its time are over, and not by the children that use it', async () => {
  await restingParent();
  expect(await dueInMs()).toBeGreaterThan(300_000);
  expect(node.secrets.joinedToRenew).toBe(0);
  await renewDue(keeper());
  expect(node.secrets.renewed).toHaveLength(0);

  await makeDue();
  node.secrets.terms = { leases: [], renewInMs: 900_000 };
  await renewDue(keeper());

  expect(node.secrets.renewed).toMatchObject([{ accessor: node.secrets.alive[0], leases: [] }]);
  expect(await dueInMs()).toBeGreaterThan(700_000);
});

test('a renewal is made once, however many nodes look at once', async () => {
  await restingParent();
  await makeDue();

  await Promise.all(Array.from({ length: 8 }, () => renewDue(keeper())));

  expect(node.secrets.renewed).toHaveLength(1);
});

test('while Vault is unavailable a renewal is tried again soon, by whichever node comes first', async () => {
  await restingParent();
  await makeDue();
  node.secrets.fail('renew', 'sealed');
  await renewDue(keeper());
  expect(await dueInMs()).toBeLessThan(6_000);

  node.secrets.heal();
  await makeDue();
  await renewDue(keeper());

  expect(node.secrets.renewed).toHaveLength(1);
});

test('a late node changes nothing of what another one has stored', async () => {
  const { id } = await restingParent();
  await makeDue();
  const [old] = await store.claimRenewals(1, 0);
  const [taken] = await store.claimRenewals(1, 60_000);
  expect(taken?.id).toBe(id);

  await store.finishRenewal(old ?? { id, until: '' }, null);

  expect(await dueInMs()).toBeGreaterThan(30_000);
});

test('what Vault extends no further, and what an ended parent kept, is never due again', async () => {
  const parent = await restingParent();
  await makeDue();
  node.secrets.terms = { leases: [], renewInMs: undefined };
  await renewDue(keeper());
  expect(await dueInMs()).toBeUndefined();

  await sql`update parents set renew_at = now()`;
  await node.queue.kill(parent.id, everyone, caller);
  await expect.poll(() => node.stateOf(parent)).toBe('canceled');
  await renewDue(keeper());

  expect(node.secrets.renewed).toHaveLength(1);
  expect(await dueInMs()).toBeUndefined();
});
