import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import type { Outcome } from '../../../src/job/outcome.js';
import { ClaimBreaker } from '../../../src/queue/worker/claim-breaker.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Two parts that a test can make unavailable, and which of them were probed. */
function createBreaker() {
  const problems = new Map<string, () => Promise<void>>();
  const probes: string[] = [];
  const closed: string[] = [];
  const logged: string[] = [];
  const note = (message: string, facts: object = {}) =>
    void logged.push(`${message} ${JSON.stringify(facts)}`);
  const partOf = (name: string) => ({
    name,
    code: `${name}_unavailable`,
    check: async () => {
      probes.push(name);
      await problems.get(name)?.();
    },
  });
  const breaker = new ClaimBreaker({
    parts: [partOf('engine'), partOf('vault')],
    onClose: () => void closed.push('closed'),
    log: { info: note, error: note },
  });
  return { breaker, problems, probes, closed, logged };
}

function postponed(code: string): Outcome {
  return { kind: 'postponed', code, message: `${code}, said the job.` };
}

const ended: Outcome = {
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 1,
};

function unavailable(message: string): () => Promise<void> {
  return () => Promise.reject(new BrokenError('vault_unavailable', message));
}

test('a breaker stays closed and probes nothing as long as all is well', async () => {
  const { breaker, probes } = createBreaker();
  breaker.recordOutcome(ended);
  breaker.recordOutcome({ kind: 'failed', reason: 'exit_code', code: 'exit_code', message: '', exitCode: 1 });
  breaker.recordOutcome(postponed('shutdown'));

  await vi.advanceTimersByTimeAsync(60_000);

  expect(breaker.openReason()).toBeUndefined();
  expect(breaker.blockers()).toEqual([
    { part: 'engine', reason: undefined },
    { part: 'vault', reason: undefined },
  ]);
  expect(probes).toEqual([]);
});

test('a job that finds a part unavailable opens it at once, with the reason, until the part answers', async () => {
  const { breaker, problems, probes, closed, logged } = createBreaker();
  problems.set('vault', unavailable('Vault is sealed.'));

  breaker.recordOutcome(postponed('vault_unavailable'));
  expect(breaker.openReason()).toBe('vault_unavailable, said the job.');
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(7_000);
  expect(breaker.openReason()).toBe('Vault is sealed.');
  expect(breaker.blockers()).toContainEqual({ part: 'vault', reason: 'Vault is sealed.' });
  expect(probes.length).toBeLessThan(6);
  expect(closed).toEqual([]);
  problems.delete('vault');
  await vi.advanceTimersByTimeAsync(2_000);

  expect(breaker.openReason()).toBeUndefined();
  expect(closed).toEqual(['closed']);
  expect(logged.map((line) => line.split(' {')[0])).toEqual([
    'claims stopped until a part answers',
    'claims resumed: the part answers',
  ]);
  const count = probes.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(probes).toHaveLength(count);
});

test('a job that fails because a part is unavailable after its credentials were spent opens it too', () => {
  const { breaker } = createBreaker();

  breaker.recordOutcome({
    kind: 'failed',
    reason: 'infrastructure',
    code: 'engine_unavailable',
    message: 'It is gone.',
    exitCode: undefined,
  });

  expect(breaker.openReason()).toBe('It is gone.');
});

test('with two parts unavailable it closes when both are back', async () => {
  const { breaker, problems, closed } = createBreaker();
  problems.set('vault', unavailable('Vault is sealed.'));
  breaker.recordOutcome(postponed('engine_unavailable'));
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(breaker.openReason()).toBe('Vault is sealed.');
  expect(closed).toEqual([]);

  problems.clear();
  await vi.advanceTimersByTimeAsync(2_000);

  expect(closed).toEqual(['closed']);
});

test('a part that does not answer is unavailable, and a probe waits for five seconds at most', async () => {
  const { breaker, problems } = createBreaker();
  problems.set('engine', () => new Promise(() => {}));
  breaker.recordOutcome(postponed('engine_unavailable'));

  await vi.advanceTimersByTimeAsync(6_000);
  expect(breaker.openReason()).toBe('The engine did not answer within 5 seconds.');
  problems.delete('engine');
  await vi.advanceTimersByTimeAsync(2_000);

  expect(breaker.openReason()).toBeUndefined();
});

test('the backoff grows for a part that answers its probes while jobs still fail, until a job has run', async () => {
  const { breaker } = createBreaker();
  const openFor = async () => {
    const since = performance.now();
    breaker.recordOutcome(postponed('engine_unavailable'));
    while (breaker.openReason() !== undefined) await vi.advanceTimersByTimeAsync(50);
    return performance.now() - since;
  };
  const times: number[] = [];
  for (let round = 0; round < 12; round++) times.push(await openFor());

  expect(times.slice(0, 4)).toEqual([200, 400, 800, 1600]);
  expect(times.at(-1)).toBe(30_000);
  breaker.recordOutcome(ended);
  expect(await openFor()).toBe(200);
});

test('nothing is probed after the end', async () => {
  const { breaker, probes, closed } = createBreaker();
  breaker.recordOutcome(postponed('engine_unavailable'));

  breaker[Symbol.dispose]();
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(60_000);

  expect(probes).toEqual([]);
  expect(closed).toEqual([]);
});
