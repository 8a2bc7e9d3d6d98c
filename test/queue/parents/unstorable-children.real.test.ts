import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { newSweep, sweeps } from '../../../src/api/runai/sweep.js';
import type { JobRequest } from '../../../src/job/job.js';
import { verdictOf } from '../../../src/job/outcome.js';
import { endBy } from '../../../src/job/parents/end-by.js';
import type { Child, NewChild, Planner } from '../../../src/job/parents/planner.js';
import { openTestDatabase } from '../../support/database.js';
import { everyone, openTestNode, type TestNode } from '../../support/test-node.js';

// A child that cannot be stored, now and whenever it is tried again, counts as one that failed.

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

let node: TestNode | undefined;
afterEach(() => node?.[Symbol.asyncDispose]());

const failed = verdictOf({
  kind: 'failed',
  reason: 'payload_refused',
  code: 'child_failed',
  message: 'No.',
  exitCode: undefined,
});

/** Starts one child of this name, remembers its end, and fails. */
function plannerOf(child: Partial<NewChild>): Planner {
  return {
    note: (_, { reason, code, message, slot }: Child) => ({ reason, code, message, slot }),
    next: (view) =>
      view.progress === 'new'
        ? {
            do: 'start',
            progress: 'begun',
            child: { slot: 3, queue: null, fields: view.fields, listed: true, ...child },
          }
        : endBy(view, failed),
  };
}

function open(planner: Planner): TestNode {
  node = openTestNode(store, { planners: new Map([['runai', { planner }]]) });
  return node;
}

function parentOf(plan: unknown, progress: unknown): Partial<JobRequest> {
  return { door: 'runai', queue: null, wrappedSecretId: undefined, parent: { plan, progress } };
}

test('a child whose name is taken counts as failed, with the reason', async () => {
  const label = { name: 'taken', project: 'p' };
  const own = open(plannerOf({ label }));
  await own.submit('q', { door: 'runai', label });
  const parent = await own.submit(null, parentOf({}, 'new'));

  expect(await own.stateOf(parent)).toBe('failed');
  expect((await own.queue.parent(parent.id, everyone)).progress).toEqual({
    reason: 'payload_refused',
    code: 'name_taken',
    message: expect.stringContaining('The name "taken" is taken'),
    slot: 3,
  });
  expect(await own.queue.children(parent.id, everyone)).toEqual([]);
  expect(own.logged.join()).toContain('name_taken');
});

test('a child that Postgres refuses counts as failed, with the reason', async () => {
  const own = open(plannerOf({ label: { name: 'nul \0' } }));
  const parent = await own.submit(null, parentOf({}, 'new'));

  expect(await own.stateOf(parent)).toBe('failed');
  expect((await own.queue.parent(parent.id, everyone)).progress).toMatchObject({
    reason: 'internal',
    message: expect.stringContaining('SQLSTATE 22021'),
  });
});

test('a run of Run:AI that cannot be stored is one of those that may fail', async () => {
  const own = open(sweeps);
  const plan = { completions: 2, parallelism: 1, backoffLimit: 0, queue: null };
  const parent = await own.submit(null, { ...parentOf(plan, newSweep), fields: { image: 'nul \0' } });

  const { state, message } = await own.queue.get(parent.id, everyone);

  expect(state).toBe('failed');
  expect(message).toContain('The run of index 0 did not succeed, and 0 may fail:');
});
