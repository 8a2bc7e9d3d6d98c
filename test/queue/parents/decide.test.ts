import { expect, test } from 'vitest';
import { JobFailedError } from '../../../src/job/errors.js';
import { verdictOf } from '../../../src/job/outcome.js';
import type { Child, NewChild, Planner, Step } from '../../../src/job/parents/planner.js';
import { Secret } from '../../../src/job/secret.js';
import { decide } from '../../../src/queue/parents/decide.js';
import type { ReadParent } from '../../../src/queue/parents/view.js';
import { newJob } from '../../support/fake-queue.js';

const succeeded = verdictOf({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 0,
});

function childOf(changes: Partial<Child> = {}): Child {
  return { ...newJob({ state: 'running' }), slot: 0, killRequested: false, ...changes };
}

function parentOf(changes: Partial<ReadParent> = {}, active: readonly Child[] = []): ReadParent {
  const job = newJob({ state: 'running', isParent: true });
  const { id, owner, label, submittedAt } = job;
  return {
    job,
    key: { id, revision: '3' },
    request: { wrappedSecretId: undefined, ciphertext: undefined, fields: {} },
    view: { id, owner, label, submittedAt, fields: {}, plan: {}, progress: [], active, now: new Date() },
    tokenAccessor: null,
    ended: [],
    failure: undefined,
    ...changes,
  };
}

/** Remembers the slots of the children that have ended, and ends at once. */
const planner: Planner = {
  note: (progress, { slot }) => [...(progress as number[]), slot],
  next: ({ progress }): Step => ({ do: 'end', verdict: succeeded, progress }),
};

test('children that have ended are noted in their order before the planner is asked', async () => {
  const parent = parentOf({ ended: [childOf({ slot: 4 }), childOf({ slot: 2 })] });
  expect(await decide(parent, planner)).toEqual({ do: 'end', verdict: succeeded, progress: [4, 2] });
});

const asked = { killRequestedAt: new Date() };

test('a parent that is to be killed has its children killed, and notes those that have ended', async () => {
  const [told, untold] = [childOf({ killRequested: true }), childOf()];
  const parent = parentOf({ ended: [childOf({ slot: 7 })] }, [told, untold]);
  const step = await decide({ ...parent, job: { ...parent.job, ...asked } }, planner);
  expect(step).toEqual({ do: 'kill', children: [untold.id], progress: [7] });
});

test('a parent that is to be killed waits while a child is being killed, and is canceled after the last', async () => {
  const parent = parentOf({}, [childOf({ killRequested: true })]);
  const killed = { ...parent.job, ...asked };
  expect(await decide({ ...parent, job: killed }, planner)).toEqual({ do: 'wait', progress: [] });
  const free = parentOf({ job: killed });
  expect(await decide(free, planner)).toMatchObject({ do: 'end', verdict: { state: 'canceled' } });
});

test('a parent whose sealed request cannot be opened fails with the reason, after its children', async () => {
  const failure = new JobFailedError('internal', 'request_not_authentic', 'Could not open it.', {
    alarm: true,
  });
  const child = childOf();
  expect(await decide(parentOf({ failure }, [child]), planner)).toMatchObject({
    do: 'kill',
    children: [child.id],
  });
  expect(await decide(parentOf({ failure }), planner)).toMatchObject({
    do: 'end',
    verdict: { state: 'failed', code: 'request_not_authentic', alarm: true },
  });
});

const cleaning: Planner = {
  ...planner,
  cleanUp: {
    is: ({ label }) => label.kind === 'clean-up',
    next: ({ progress }) =>
      (progress as number[]).length < 2
        ? { child: newChild('clean-up', false), progress: [...(progress as number[]), 0] }
        : undefined,
  },
};

function newChild(kind: string, sharesLogin?: false): NewChild {
  return { slot: 0, queue: null, fields: {}, label: { kind }, listed: false, sharesLogin };
}

test('what cleans up after a killed parent begins when the others have ended, is not killed with them, and is waited for', async () => {
  const job = { ...parentOf().job, ...asked };
  const other = childOf();
  const cleanUp = childOf({ label: { kind: 'clean-up' } });
  const both = parentOf({ job }, [other, cleanUp]);
  expect(await decide(both, cleaning)).toMatchObject({ do: 'kill', children: [other.id] });
  expect(await decide(parentOf({ job }), cleaning)).toMatchObject({ do: 'start', progress: [0] });
  expect(await decide(parentOf({ job }, [cleanUp]), cleaning)).toEqual({ do: 'wait', progress: [] });
  const ended = [childOf({ slot: 1 }), childOf({ slot: 2 })];
  const step = await decide(parentOf({ job, ended }), cleaning);
  expect(step).toMatchObject({ do: 'end', verdict: { state: 'canceled' }, progress: [1, 2] });
});

const failing: Planner = {
  ...planner,
  next: () => {
    throw new JobFailedError('payload_refused', 'stage_unknown', 'There is no stage 4.');
  },
};

test('a planner that finds a fault of the job fails the parent', async () => {
  expect(await decide(parentOf(), failing)).toMatchObject({
    do: 'end',
    verdict: { state: 'failed', reason: 'payload_refused', message: 'There is no stage 4.' },
  });
});

const sharing = { wrappedSecretId: new Secret('s.wrap'), ciphertext: undefined, fields: {} };

test.each([
  [{ state: 'canceled', code: 'killed', message: 'job killed' }, { state: 'canceled' }],
  [
    { state: 'lost', code: 'node_lost', message: 'The node died.' },
    { state: 'lost', message: 'The node died.' },
  ],
  [
    { state: 'failed', reason: 'secrets_refused', code: 'denied' },
    { state: 'failed', reason: 'secrets_refused', code: 'denied' },
  ],
] as const)('a parent ends as its first child did before its login was kept: %j', async (end, verdict) => {
  const parent = parentOf({ request: sharing, ended: [childOf(end)] });
  expect(await decide(parent, planner)).toMatchObject({ do: 'end', verdict });
});

const start = (child: NewChild): Planner => ({
  ...cleaning,
  next: ({ progress }) => ({ do: 'start', child, progress }),
});

test('after a login that failed only what needs none is started, by a planner that cleans up', async () => {
  const ended = [childOf({ state: 'failed', reason: 'secrets_refused', code: 'denied' })];
  const parent = parentOf({ request: sharing, ended });
  expect(await decide(parent, start(newChild('clean-up', false)))).toMatchObject({ do: 'start' });
  expect(await decide(parent, start(newChild('worker')))).toMatchObject({
    do: 'end',
    verdict: { code: 'denied' },
  });
});

test('what needs no login does not wait for the first child to make one', async () => {
  const parent = parentOf({ request: sharing }, [childOf()]);
  expect(await decide(parent, start(newChild('clean-up', false)))).toMatchObject({ do: 'start' });
  expect(await decide(parent, start(newChild('worker')))).toMatchObject({ do: 'wait' });
});
