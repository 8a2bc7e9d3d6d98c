import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import type { Door, Job, JobRequest } from '../../../src/job/job.js';
import { type Verdict, verdictOf } from '../../../src/job/outcome.js';
import type { DoorPlanner, Planner, Step } from '../../../src/job/parents/planner.js';
import type { Alarm } from '../../../src/queue/maintenance/alarms.js';
import { createParentJobs } from '../../../src/queue/parents/service.js';
import type { Store } from '../../../src/store/store.js';
import { openTestDatabase } from '../../support/database.js';
import { FakeBackend } from '../../support/fake-backend.js';
import {
  caller,
  everyone,
  openTestNode,
  type TestNode,
  type TestNodeChanges,
} from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

const succeeded: Verdict = verdictOf({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 0,
});

interface Progress {
  readonly begun: number;
  readonly ends: readonly string[];
}

/** Starts as many children as its plan says, two at once, and succeeds after the last. */
const planner: Planner = {
  note: (progress, { slot, state }) => {
    const { begun, ends } = progress as Progress;
    return { begun, ends: [...ends, `${slot} ${state}`] };
  },
  next: ({ plan, progress, active, fields }): Step => {
    const { begun } = progress as Progress;
    const most = plan as number;
    if (begun < most && active.length < 2) {
      const child = { slot: begun, queue: null, fields, listed: false };
      return { do: 'start', child, progress: { ...(progress as Progress), begun: begun + 1 } };
    }
    return active.length > 0 ? { do: 'wait', progress } : { do: 'end', verdict: succeeded, progress };
  },
};

function plannersOf(changes: Partial<DoorPlanner> = {}): ReadonlyMap<Door, DoorPlanner> {
  return new Map([['runai', { planner, ...changes }]]);
}

function startNode(changes: TestNodeChanges = {}): TestNode {
  const node = openTestNode(store, { planners: plannersOf(), ...changes });
  nodes.push(node);
  node.worker.start();
  node.parents.start();
  return node;
}

function parentOf(children: number): Partial<JobRequest> {
  const progress: Progress = { begun: 0, ends: [] };
  return { door: 'runai', queue: null, wrappedSecretId: undefined, parent: { plan: children, progress } };
}

const submit = (node: TestNode, children: number) => node.submit(null, parentOf(children));

async function endsOf(id: string): Promise<readonly string[]> {
  const [row] = await sql<{ progress: Progress }[]>`select progress from parents where job_id = ${id}`;
  return row?.progress.ends.toSorted() ?? [];
}

async function kindsOf(id: string): Promise<string[]> {
  const rows = await sql`select kind from events where job_id = ${id} order by seq`;
  return rows.map((row) => row.kind);
}

test('a parent runs its children to the end, and holds no node, no slot and no lease itself', async () => {
  const node = startNode({ slots: 2 });
  const parent = await submit(node, 5);
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
  expect(await endsOf(parent.id)).toEqual([0, 1, 2, 3, 4].map((slot) => `${slot} succeeded`));
  const children = await node.queue.children(parent.id, everyone);
  expect(children.map(({ slot, parent: of }) => [slot, of])).toEqual(
    [0, 1, 2, 3, 4].map((n) => [n, parent.id]),
  );
  expect(await node.queue.get(parent.id, everyone)).toMatchObject({
    isParent: true,
    exitCode: 0,
    node: undefined,
  });
  expect(await kindsOf(parent.id)).toEqual(['submitted', 'admitted', 'running', 'succeeded']);
  expect(await sql`select from job_requests`).toHaveLength(0);
});

test('its children exist right after the answer to the submit, also where another node let it begin', async () => {
  const admitParents = async (...args: Parameters<Store['admitParents']>) => {
    await store.admitParents(...args);
    return []; // As when the sweep of another node was first, and has not come to this parent yet.
  };
  const node = openTestNode({ ...store, admitParents }, { planners: plannersOf() });
  nodes.push(node);
  const parent = await submit(node, 3);
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(2);
});

test('its children exist right after the answer to the submit', async () => {
  const node = openTestNode(store, { planners: plannersOf() });
  nodes.push(node);
  const parent = await submit(node, 3);
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(2);
  expect((await node.queue.parent(parent.id, everyone)).active).toHaveLength(2);
});

test('a parent runs from the moment when its first child does', async () => {
  const node = openTestNode(store, { planners: plannersOf() });
  nodes.push(node);
  const parent = await submit(node, 2);
  expect(await node.stateOf(parent)).toBe('preparing');
  const [claim] = await store.claimJobs({ node: 'node-1', limit: 1, leaseMs: 60_000 });
  await store.markRunning(claim ?? { id: '', fence: '' });
  expect(await node.stateOf(parent)).toBe('running');
  await store.settleOwnJobs('node-1');
});

test('no child is started twice, however many nodes carry the parent on at once', async () => {
  const sealKey = randomBytes(32);
  const all = ['a', 'b', 'c'].map((name) => startNode({ node: name, sealKey }));
  const parents = await Promise.all(all.map((node) => submit(node, 20)));
  for (const parent of parents)
    await expect
      .poll(async () => {
        await Promise.all(all.map((node) => node.parents.carryOn(parent.id)));
        return all[0]?.stateOf(parent);
      })
      .toBe('succeeded');
  for (const { id } of parents) {
    const slots = (await nodes[0]?.queue.children(id, everyone))?.map(({ slot }) => slot);
    expect(slots).toEqual(Array.from({ length: 20 }, (_, slot) => slot));
  }
});

test('a kill of the parent kills its children, starts no more, and ends as canceled', async () => {
  const node = startNode();
  node.backend.runs([{ linger: 'until_told' }]);
  const parent = await submit(node, 9);
  await expect
    .poll(async () => (await node.queue.parent(parent.id, everyone)).active[1]?.state)
    .toBe('running');
  await node.queue.kill(parent.id, everyone, caller);
  await expect.poll(() => node.stateOf(parent)).toBe('canceled');
  const children = await node.queue.children(parent.id, everyone);
  expect(children.map(({ state }) => state)).toEqual(['canceled', 'canceled']);
  const kinds = await kindsOf(parent.id); // Where its children end at once, it never is `stopping`.
  expect(kinds.filter((kind) => kind !== 'stopping')).toEqual([
    'submitted',
    'admitted',
    'running',
    'kill_requested',
    'canceled',
  ]);
});

test('a child that ends anywhere, by any statement, makes its parent due', async () => {
  const quiet = openTestNode(store, { planners: plannersOf() });
  nodes.push(quiet);
  const parent = await submit(quiet, 2);
  for (const { id } of await quiet.queue.children(parent.id, everyone))
    await quiet.queue.kill(id, everyone, caller);
  expect(await store.listDueParents(['runai'], 9)).toEqual([{ id: parent.id }]);
  await quiet.parents.carryOn(parent.id);
  expect(await quiet.stateOf(parent)).toBe('succeeded');
  expect(await store.listDueParents(['runai'], 9)).toEqual([]);
});

test('what happens between reading and storing is never lost: the step comes too late', async () => {
  const quiet = openTestNode(store, { planners: plannersOf() });
  nodes.push(quiet);
  const parent = await submit(quiet, 2);
  const read = await store.readParent(parent.id, everyone);
  const [child] = await quiet.queue.children(parent.id, everyone);
  await quiet.queue.kill(child?.id ?? '', everyone, caller);
  const key = { id: parent.id, revision: read?.revision ?? '', progress: read?.progress, noted: [] };
  expect(await store.advanceParent(key, null)).toBe(false);
  expect(await store.endParent(key, succeeded)).toBe(false);
});

test('no more parents of a door are under way than it lets in; the others wait in their order', async () => {
  const node = startNode({ planners: plannersOf({ mostRunning: 2 }), slots: 9 });
  node.backend.runs([{ linger: 'until_told' }]);
  const parents: Job[] = [];
  for (let count = 0; count < 4; count++) parents.push(await submit(node, 1));
  const states = () => Promise.all(parents.map((parent) => node.stateOf(parent)));
  await expect.poll(states).toEqual(['running', 'running', 'queued', 'queued']);
  await node.queue.kill(parents[2]?.id ?? '', everyone, caller);
  expect(await states()).toEqual(['running', 'running', 'canceled', 'queued']);
  await node.queue.kill(parents[0]?.id ?? '', everyone, caller);
  await expect.poll(states).toEqual(['canceled', 'running', 'canceled', 'running']);
});

test('a parent that is killed while it waits ends at once, and before that what cleans up behind it', async () => {
  const cleanUp: Planner['cleanUp'] = {
    is: ({ label }) => label.kind === 'clean-up',
    next: ({ progress, fields }) =>
      (progress as Progress).ends.length > 0
        ? undefined
        : { child: { slot: 0, queue: null, fields, label: { kind: 'clean-up' }, listed: false }, progress },
  };
  const cleaning = plannersOf({ planner: { ...planner, cleanUp }, mostRunning: 1 });
  const quiet = openTestNode(store, { planners: plannersOf({ mostRunning: 1 }) });
  nodes.push(quiet);
  const [first, plain] = [await submit(quiet, 1), await submit(quiet, 1)];
  await quiet.queue.kill(plain.id, everyone, caller);
  expect(await quiet.stateOf(plain)).toBe('canceled');

  const backend = new FakeBackend();
  const [lasting] = await quiet.queue.children(first.id, everyone);
  backend.runs([{ linger: 'until_told' }], lasting?.id); // Until the first has ended, the next one waits.
  const node = startNode({ planners: cleaning, slots: 4, sealKey: quiet.sealKey, backend });
  const waiting = await submit(quiet, 1);
  await node.queue.kill(waiting.id, everyone, caller);
  await expect.poll(() => node.stateOf(waiting)).toBe('canceled');
  expect(await endsOf(waiting.id)).toEqual(['0 succeeded']);
});

const scaled = { kind: 'scaled', actor: 'entity:ann', change: () => ({ plan: 2 }) };

test('a revision by a client is stored once, with its event, and carried on before it returns', async () => {
  const node = openTestNode(store, { planners: plannersOf() });
  nodes.push(node);
  const parent = await submit(node, 1);
  await node.queue.revise(parent.id, everyone, scaled);
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(2);
  expect((await node.queue.parent(parent.id, everyone)).plan).toBe(2);
  expect(await kindsOf(parent.id)).toEqual(['submitted', 'admitted', 'scaled']);
});

test('a parent of somebody else, an ended one and a job that is none are refused by revise', async () => {
  const node = startNode();
  const parent = await submit(node, 1);
  const revision = { kind: 'scaled', actor: 'entity:bob', change: () => ({ plan: 7 }) };
  const bob = { everyone: false, ownerKey: 'entity:bob' } as const;
  await expect(node.queue.revise(parent.id, bob, revision)).rejects.toMatchObject({ code: 'not_found' });
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
  await expect(node.queue.revise(parent.id, everyone, revision)).rejects.toMatchObject({ code: 'conflict' });
  const single = await node.submit();
  await expect(node.queue.revise(single.id, everyone, revision)).rejects.toMatchObject({ code: 'not_found' });
});

test('a parent that ended is deleted with its children and their output; their events stay', async () => {
  const node = startNode();
  const parent = await submit(node, 2);
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
  await node.queue.delete(parent.id, everyone, caller);
  expect(await sql`select from jobs`).toHaveLength(0);
  expect(await sql`select from events where kind = 'deleted'`).toHaveLength(3);
});

test('a child cannot be deleted before its parent has noted its end', async () => {
  const quiet = openTestNode(store, { planners: plannersOf() });
  nodes.push(quiet);
  const parent = await submit(quiet, 2);
  const [child] = await quiet.queue.children(parent.id, everyone);
  const id = child?.id ?? '';
  await quiet.queue.kill(id, everyone, caller);
  await expect(quiet.queue.delete(id, everyone, caller)).rejects.toMatchObject({ code: 'conflict' });
  await quiet.parents.carryOn(parent.id);
  await quiet.queue.delete(id, everyone, caller);
});

test('a planner with an error of its own does not end the parent, and is asked again later', async () => {
  let isBroken = true;
  const next: Planner['next'] = (view) => {
    if (isBroken) throw new TypeError('no such thing');
    return planner.next(view);
  };
  const node = openTestNode(store, { planners: plannersOf({ planner: { ...planner, next } }) });
  nodes.push(node);
  const parent = await submit(node, 1);
  expect(node.logged.join()).toContain('a parent job could not be carried on; trying again');
  isBroken = false;
  await node.parents.carryOn(parent.id);
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(1);
});

const references = ['A@kv/data/shared.a'];

function startSharing(): TestNode {
  const node = startNode();
  node.secrets.setSecret('kv/data/shared', { data: { a: 'canary-value' } });
  return node;
}

function submitSharing(node: TestNode, children: number) {
  const wrappedSecretId = node.secrets.addWrap();
  const fields = { image: 'busybox', command: ['true'], secretRefs: references };
  return node.submit(null, { ...parentOf(children), wrappedSecretId, fields });
}

test('the login of a parent is made once, its secrets are read once, all children get them, and its token is revoked at the end', async () => {
  const node = startSharing();
  const parent = await submitSharing(node, 4);
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
  expect([node.secrets.count('unwrap'), node.secrets.count('login'), node.secrets.count('read')]).toEqual([
    1, 1, 1,
  ]);
  const children = await node.queue.children(parent.id, everyone);
  expect(children).toHaveLength(4);
  for (const { id } of children) expect(node.backend.delivered.get(id)).toContain('canary-value');
  await expect.poll(() => node.secrets.alive).toEqual([]);
  expect(await kindsOf(parent.id)).toEqual([
    'submitted',
    'admitted',
    'login_kept',
    'running',
    'succeeded',
    'token_revoked',
  ]);
});

test('the login of a parent is made by the first child alone: the others wait for it', async () => {
  const node = startSharing();
  const hold = node.backend.hold('prepare'); // The login is kept before anything is delivered.
  const parent = await submitSharing(node, 4);
  await hold.reached;
  await node.parents.carryOn(parent.id);
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(1);
  hold.release();
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
});

test('the login of a parent is in the clear in no row while it is kept', async () => {
  const node = startSharing();
  node.backend.runs([{ linger: 'until_told' }]);
  const parent = await submitSharing(node, 4);
  await expect.poll(() => kindsOf(parent.id)).toContain('login_kept');
  const tables = ['jobs', 'parents', 'events', 'job_requests', 'request_parts', 'job_output'];
  const rows = await Promise.all(tables.map((table) => sql`select t::text as text from ${sql(table)} as t`));
  expect(
    rows
      .flat()
      .map(({ text }) => text)
      .join(),
  ).not.toMatch(/canary|token\./);
  await node.queue.kill(parent.id, everyone, caller);
  await expect.poll(() => node.stateOf(parent)).toBe('canceled');
  await expect.poll(() => node.secrets.alive).toEqual([]);
});

test('the login of a parent that fails ends the parent with the reason, and is not tried again', async () => {
  const node = startSharing();
  node.secrets.setSecret('kv/data/shared', 'denied');
  const parent = await submitSharing(node, 4);
  await expect.poll(() => node.stateOf(parent)).toBe('failed');
  expect(await node.queue.get(parent.id, everyone)).toMatchObject({ reason: 'secrets_refused' });
  expect(await node.queue.children(parent.id, everyone)).toHaveLength(1);
  expect(node.secrets.alive).toEqual([]);
});

test('the login of a parent is revoked by the clean-up of tokens where the end of the parent could not do it', async () => {
  const node = startSharing();
  const parent = await submitSharing(node, 2);
  node.secrets.fail('revoke', 'sealed');
  await expect.poll(() => node.stateOf(parent)).toBe('succeeded');
  node.secrets.heal();
  expect(await store.listUnrevoked('another', 60_000)).toMatchObject([{ id: parent.id }]);
});

test('a revision that is stored is done, though the step behind it cannot be taken now', async () => {
  const node = openTestNode(store, { planners: plannersOf() });
  nodes.push(node);
  const parent = await submit(node, 1);
  const outage = new BrokenError('database_unavailable', 'Could not use Postgres.');
  const parents = { carryOn: () => Promise.reject(outage) };
  const jobs = createParentJobs({ store, sealKey: node.sealKey, parents });
  await jobs.revise(parent.id, everyone, scaled);
  expect((await jobs.parent(parent.id, everyone)).plan).toBe(2);
  expect(await store.listDueParents(['runai'], 9)).toEqual([{ id: parent.id }]);
});

test('a parent that cannot be read does not keep the others from being carried on', async () => {
  const broken: string[] = [];
  const readParent: Store['readParent'] = async (id, reach) => {
    if (broken.includes(id)) throw new BrokenError('internal', 'Could not read it.', { retryable: false });
    return store.readParent(id, reach);
  };
  const node = openTestNode({ ...store, readParent }, { planners: plannersOf() });
  nodes.push(node);
  const [first, second] = [await submit(node, 1), await submit(node, 1)];
  for (const { id } of [first, second]) await sql`update parents set due_at = now() where job_id = ${id}`;
  broken.push(first.id);
  node.parents.start();
  await expect.poll(() => store.listDueParents(['runai'], 9)).toEqual([{ id: first.id }]);
  expect(node.logged.join()).toContain(first.id);
});

test.each([
  ['sealed request', (id: string) => sql`update job_requests set sealed = 'changed' where job_id = ${id}`],
  ['options', (id: string) => sql`update jobs set options = '{"network": "host"}' where id = ${id}`],
  ['owner', (id: string) => sql`update jobs set owner_key = 'entity:bob' where id = ${id}`],
  ['labels', (id: string) => sql`update jobs set project = 'other' where id = ${id}`],
])('A7: the end of a parent whose %s was changed is an alarm of the node that ends it', async (_, change) => {
  const raised: Alarm[] = [];
  const node = openTestNode(store, {
    planners: plannersOf(),
    alarms: { raise: (alarm) => void raised.push(alarm) },
  });
  nodes.push(node);
  const parent = await submit(node, 1);
  await change(parent.id);
  await node.queue.kill((await node.queue.children(parent.id, everyone))[0]?.id ?? '', everyone, caller);
  await node.parents.carryOn(parent.id);
  expect(await node.stateOf(parent)).toBe('failed');
  expect(raised).toEqual([
    { jobId: parent.id, code: 'request_not_authentic', message: expect.stringContaining('changed') },
  ]);
});
