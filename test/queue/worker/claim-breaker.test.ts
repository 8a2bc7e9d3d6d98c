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

function failedBy(code: string): Outcome {
  return {
    kind: 'failed',
    reason: 'infrastructure',
    code,
    message: `${code}, it failed.`,
    exitCode: undefined,
  };
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

test('a breaker stays closed and probes nothing as long as no job finds a part unavailable', async () => {
  const { breaker, probes } = createBreaker();
  void breaker.recordOutcome(ended);
  void breaker.recordOutcome({
    kind: 'failed',
    reason: 'exit_code',
    code: 'exit_code',
    message: '',
    exitCode: 1,
  });
  void breaker.recordOutcome(postponed('shutdown'));

  await vi.advanceTimersByTimeAsync(60_000);

  expect(breaker.openReason()).toBeUndefined();
  expect(breaker.blockers()).toEqual([
    { part: 'engine', reason: undefined },
    { part: 'vault', reason: undefined },
  ]);
  expect(probes).toEqual([]);
});

test('whatever jobs say of a part, a breaker stays closed while the part answers its probe', async () => {
  const { breaker, probes, logged } = createBreaker();

  for (let i = 0; i < 100; i++) {
    void breaker.recordOutcome(postponed('engine_unavailable'));
    void breaker.recordOutcome(failedBy('vault_unavailable'));
    expect(breaker.openReason()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(10);
    expect(breaker.openReason()).toBeUndefined();
  }

  expect(new Set(probes)).toEqual(new Set(['engine', 'vault']));
  expect(logged).toEqual([]);
});

test('a job that finds a part unavailable has it probed; a failed probe opens it, with its own reason, until the part answers', async () => {
  const { breaker, problems, probes, closed, logged } = createBreaker();
  problems.set('vault', unavailable('Vault is sealed.'));

  void breaker.recordOutcome(postponed('vault_unavailable'));
  expect(breaker.openReason()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(0);
  expect(breaker.openReason()).toBe('Vault is sealed.');
  void breaker.recordOutcome(postponed('vault_unavailable'));
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

test('a job that fails because a part is unavailable after its credentials were spent has it probed too', async () => {
  const { breaker, problems } = createBreaker();
  problems.set('engine', unavailable('It is gone.'));

  void breaker.recordOutcome(failedBy('engine_unavailable'));
  await vi.advanceTimersByTimeAsync(0);

  expect(breaker.openReason()).toBe('It is gone.');
});

test('any number of jobs that suspect a part that does not answer cost one probe at a time', async () => {
  const { breaker, problems, probes } = createBreaker();
  problems.set('engine', () => new Promise(() => {}));

  for (let i = 0; i < 100; i++) void breaker.recordOutcome(postponed('engine_unavailable'));
  await vi.advanceTimersByTimeAsync(1_000);

  expect(probes).toEqual(['engine']);
});

test('with two parts unavailable it closes when both are back', async () => {
  const { breaker, problems, closed } = createBreaker();
  problems.set('vault', unavailable('Vault is sealed.'));
  problems.set('engine', unavailable('It is gone.'));
  void breaker.recordOutcome(postponed('engine_unavailable'));
  void breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(5_000);
  problems.delete('engine');
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
  void breaker.recordOutcome(postponed('engine_unavailable'));

  await vi.advanceTimersByTimeAsync(6_000);
  expect(breaker.openReason()).toBe('The engine did not answer within 5 seconds.');
  problems.delete('engine');
  await vi.advanceTimersByTimeAsync(2_000);

  expect(breaker.openReason()).toBeUndefined();
});

test('the slot of a job that suspects a part waits for the probe, at most for its five seconds', async () => {
  const { breaker, problems } = createBreaker();
  const settled: string[] = [];
  const note = (name: string) => () => void settled.push(name);
  void breaker.recordOutcome(ended).then(note('ended'));
  problems.set('engine', () => new Promise(() => {}));
  void breaker.recordOutcome(postponed('engine_unavailable')).then(note('first'));
  await vi.advanceTimersByTimeAsync(4_000);
  void breaker.recordOutcome(postponed('engine_unavailable')).then(note('second'));
  await vi.advanceTimersByTimeAsync(500);
  expect(settled).toEqual(['ended']);

  await vi.advanceTimersByTimeAsync(1_000);

  expect(settled).toEqual(['ended', 'first', 'second']);
  expect(breaker.openReason()).toBe('The engine did not answer within 5 seconds.');
});

test('nothing is probed after the end', async () => {
  const { breaker, problems, probes, closed } = createBreaker();
  problems.set('engine', unavailable('It is gone.'));
  void breaker.recordOutcome(postponed('engine_unavailable'));
  await vi.advanceTimersByTimeAsync(0);

  breaker[Symbol.dispose]();
  void breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(60_000);

  expect(probes).toEqual(['engine']);
  expect(closed).toEqual([]);
});
