import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import { DeadNodeSweep, type DeadNodeSweepParts } from '../../../src/queue/takeover/dead-nodes.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const hold = { queue: 'q', jobId: 'j1', isOwn: false };

const unavailable = () => Promise.reject(new BrokenError('database_unavailable', 'Unavailable.'));

/** A sweep over a fake database. Lease 9 s, grace 6 s: it runs every 2 s. */
function stage(changes: Partial<DeadNodeSweepParts['store']> = {}, parts: Partial<DeadNodeSweepParts> = {}) {
  const seen = { settled: 0, woken: 0, lost: 0, removed: [] as string[], ended: [] as string[] };
  const sweep = new DeadNodeSweep({
    store: {
      settleDeadJobs: async () => {
        seen.settled++;
        return [];
      },
      listHolds: async () => [],
      endHold: async ({ jobId }) => {
        seen.ended.push(jobId);
        return { nextReady: true };
      },
      endDueHolds: async () => ({ ended: 0, nextReady: false }),
      ...changes,
    },
    node: 'n1',
    leaseMs: 9_000,
    graceMs: 6_000,
    holdMs: 1_000,
    engineId: async () => 'e1',
    removeJob: async (jobId) => seen.removed.push(jobId),
    onLost: () => void seen.lost++,
    wake: () => void seen.woken++,
    log: { info: () => undefined, error: () => undefined },
    ...parts,
  });
  return { sweep, seen };
}

/** Advances in steps of a second, so that it does not look like a pause of the process. */
async function pass(seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left--) await vi.advanceTimersByTimeAsync(1_000);
}

test('others get a lease’s time to show that they are alive before any job is settled', async () => {
  const { sweep, seen } = stage();

  await pass(9);
  expect(seen.settled).toBe(0);
  await pass(2);
  expect(seen.settled).toBe(1);
  await sweep[Symbol.asyncDispose]();
});

test('Q4: they get it again after Postgres was unavailable', async () => {
  let isUnavailable = false;
  const { sweep, seen } = stage({
    endDueHolds: () => (isUnavailable ? unavailable() : Promise.resolve({ ended: 0, nextReady: false })),
  });
  await pass(13);
  isUnavailable = true;
  await pass(4);
  isUnavailable = false;
  const before = seen.settled;

  await pass(8);
  expect(seen.settled).toBe(before);
  await pass(4);
  expect(seen.settled).toBeGreaterThan(before);
  await sweep[Symbol.asyncDispose]();
});

test('Q2: they get it again after this process was paused', async () => {
  const { sweep, seen } = stage();
  await pass(13);
  const before = seen.settled;

  await vi.advanceTimersByTimeAsync(0);
  vi.setSystemTime(Date.now() + 60_000);
  jump(60_000);
  await pass(8);

  expect(seen.settled).toBe(before);
  await sweep[Symbol.asyncDispose]();
});

/** The clock goes on while no timer fires, as it does for a process that is stopped. */
function jump(ms: number): void {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

test('V7: lost jobs are reported, since their tokens may still be valid', async () => {
  const { sweep, seen } = stage({
    settleDeadJobs: async () => [{ id: 'j', state: 'lost', tokenAccessor: 'a', next: null }],
  });

  await pass(11);

  expect(seen).toMatchObject({ lost: 1, woken: 0 });
  await sweep[Symbol.asyncDispose]();
});

test('jobs that became ready wake the nodes', async () => {
  const { sweep, seen } = stage({
    settleDeadJobs: async () => [{ id: 'j', state: 'queued', tokenAccessor: null, next: null }],
  });

  await pass(11);

  expect(seen.woken).toBe(1);
  await sweep[Symbol.asyncDispose]();
});

test('Q6: a hold ends after the container of its job is removed', async () => {
  const { sweep, seen } = stage({ listHolds: async () => [hold] });

  await pass(1);

  expect(seen).toMatchObject({ removed: ['j1'], ended: ['j1'], woken: 1 });
  await sweep[Symbol.asyncDispose]();
});

test('Q6: an engine that does not answer ends no hold, and does not delay settling the jobs of dead nodes', async () => {
  const parts: Partial<DeadNodeSweepParts> = { removeJob: () => new Promise(() => undefined) };
  const { seen } = stage({ listHolds: async () => [hold] }, parts);

  await pass(14);

  expect(seen.ended).toEqual([]);
  expect(seen.settled).toBeGreaterThan(0);
});

test('Q6: one container that cannot be removed keeps no other queue waiting', async () => {
  const holds = ['j1', 'j2'].map((jobId) => ({ ...hold, jobId }));
  const { sweep, seen } = stage(
    { listHolds: async () => holds },
    {
      removeJob: async (jobId) => {
        if (jobId === 'j1') throw new BrokenError('engine_unavailable', 'Unavailable.');
        return 1;
      },
    },
  );

  await pass(1);

  expect(seen.ended).toEqual(['j2']);
  await sweep[Symbol.asyncDispose]();
});

test('Q6: an engine of the same name that never saw the container ends no hold, but the lost node itself does', async () => {
  const holds = [hold, { ...hold, jobId: 'j2', isOwn: true }];
  const { sweep, seen } = stage({ listHolds: async () => holds }, { removeJob: async () => 0 });

  await pass(1);

  expect(seen.ended).toEqual(['j2']);
  await sweep[Symbol.asyncDispose]();
});

test('Q6: a removed container stays proven gone while Postgres is unavailable', async () => {
  let tries = 0;
  const ended: string[] = [];
  const { sweep } = stage(
    {
      listHolds: async () => (ended.length === 0 ? [hold] : []),
      endHold: async ({ jobId }) => {
        if (tries++ === 0) return unavailable();
        ended.push(jobId);
        return { nextReady: true };
      },
    },
    { removeJob: async () => (tries === 0 ? 1 : 0) },
  );

  await pass(3);

  expect(ended).toEqual(['j1']);
  await sweep[Symbol.asyncDispose]();
});
