import { expect, test } from 'vitest';
import {
  backOffMs,
  newSweep,
  type SweepPlan,
  type SweepProgress,
  sweeps,
} from '../../../src/api/runai/sweep.js';
import type { Child, ParentView } from '../../../src/job/parents/planner.js';
import { newJob } from '../../support/fake-queue.js';

const now = new Date('2025-10-18T15:00:00Z');
const plan: SweepPlan = { completions: 4, parallelism: 2, backoffLimit: 1, queue: null };

function childOf(slot: number, changes: Partial<Child> = {}): Child {
  return { ...newJob({ state: 'running' }), slot, killRequested: false, ...changes };
}

const failed = {
  state: 'failed',
  reason: 'exit_code',
  code: 'exit_code',
  exitCode: 3,
  finishedAt: now,
} as const;
const ended = { message: 'The job ended with exit code 3.' };

function viewOf(progress: Partial<SweepProgress>, changes: Partial<ParentView> = {}): ParentView {
  const { id, owner, label, submittedAt } = newJob();
  const all = { ...newSweep, ...progress };
  const view = { id, owner, label, submittedAt, plan, progress: all, active: [], now };
  return { ...view, fields: { image: 'busybox', env: ['A=b'] }, ...changes };
}

/** The progress after these children have ended, in this order. */
function after(children: readonly Child[], progress: SweepProgress = newSweep): SweepProgress {
  const view = viewOf(progress);
  return children.reduce((seen, child) => sweeps.note(seen, child, view) as SweepProgress, progress);
}

test('runs begin in the order of their indexes, each with variables of its own', async () => {
  const step = await sweeps.next(viewOf({ next: 1 }, { active: [childOf(0)] }));
  expect(step).toMatchObject({
    do: 'start',
    child: { slot: 1, queue: null, listed: false },
    progress: { next: 2 },
  });
  const env = step.do === 'start' ? step.child.fields.env : [];
  expect(env).toEqual(['POD_INDEX=1', expect.stringMatching(/^POD_UUID=[0-9a-f-]{36}$/), 'A=b']);
});

test('a variable that the job sets itself is left alone', async () => {
  const fields = { image: 'busybox', env: ['POD_INDEX=own', 'POD_UUID=own'] };
  const step = await sweeps.next(viewOf({}, { fields }));
  expect(step).toMatchObject({ child: { fields } });
});

test('no more run at once than the job says', async () => {
  const active = [childOf(0), childOf(1)];
  expect(await sweeps.next(viewOf({ next: 2 }, { active }))).toMatchObject({ do: 'wait' });
});

test('no index beyond the completions is run, and the job succeeds after the last', async () => {
  expect(await sweeps.next(viewOf({ next: 4, succeeded: 3 }, { active: [childOf(3)] }))).toMatchObject({
    do: 'wait',
  });
  expect(await sweeps.next(viewOf({ next: 4, succeeded: 4 }))).toMatchObject({
    do: 'end',
    verdict: { state: 'succeeded', exitCode: 0 },
  });
});

test('after a failure nothing begins for 10 s; then its index is run again first', async () => {
  const progress = after([childOf(2, { ...failed, ...ended })], { ...newSweep, next: 3 });
  expect(await sweeps.next(viewOf(progress))).toMatchObject({ do: 'wait', forMs: 10_000 });
  const later = { now: new Date(now.getTime() + 10_000) };
  expect(await sweeps.next(viewOf(progress, later))).toMatchObject({
    do: 'start',
    child: { slot: 2 },
    progress: { next: 3, again: [] },
  });
});

test('the wait doubles with each failure, up to six minutes', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 60].map(backOffMs)).toEqual([
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 360_000, 360_000,
  ]);
});

test('one failure too many kills the other runs, and fails the job with the last cause and exit code', async () => {
  const again = { ...failed, ...ended };
  const progress = after([childOf(1, again), childOf(2, again)], { ...newSweep, next: 4 });
  const active = [childOf(3), childOf(0, { killRequested: true })];
  expect(await sweeps.next(viewOf(progress, { active }))).toMatchObject({
    do: 'kill',
    children: [active[0]?.id],
  });
  expect(await sweeps.next(viewOf(progress))).toMatchObject({
    do: 'end',
    verdict: {
      state: 'failed',
      reason: 'exit_code',
      exitCode: 3,
      message: 'The run of index 2 did not succeed, and 1 may fail: The job ended with exit code 3.',
    },
  });
});

test('a run that was killed after the job has failed changes nothing of why', async () => {
  const progress = after([childOf(1, { ...failed, ...ended }), childOf(2, { ...failed, ...ended })]);
  const last = after([childOf(0, { state: 'canceled', code: 'killed' })], progress);
  expect(await sweeps.next(viewOf(last))).toMatchObject({
    do: 'end',
    verdict: { state: 'failed', exitCode: 3 },
  });
});

test.each(['image_unavailable', 'secrets_refused', 'content_refused'] as const)(
  'a job that fails by %s is not run again',
  async (reason) => {
    const progress = after([
      childOf(0, { state: 'failed', reason, code: reason, message: 'No.', finishedAt: now }),
    ]);
    expect(await sweeps.next(viewOf(progress, { plan: { ...plan, backoffLimit: 6 } }))).toMatchObject({
      do: 'end',
      verdict: { state: 'failed', reason },
    });
  },
);

test('a run that was lost counts as a failure; one too many makes the job lost', async () => {
  const lost = childOf(0, { state: 'lost', code: 'node_lost', message: 'The node died.', finishedAt: now });
  expect(await sweeps.next(viewOf(after([lost])))).toMatchObject({ do: 'wait', forMs: 10_000 });
  expect(await sweeps.next(viewOf(after([lost, lost])))).toMatchObject({
    do: 'end',
    verdict: { state: 'lost' },
  });
});

test('a run that somebody kills counts as a failure; one too many makes the job canceled', async () => {
  const killed = childOf(0, { state: 'canceled', code: 'killed', finishedAt: now });
  expect(await sweeps.next(viewOf(after([killed, killed])))).toMatchObject({
    do: 'end',
    verdict: { state: 'canceled' },
  });
});
