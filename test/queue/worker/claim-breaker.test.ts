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

/** Two parts that a test may take away, and how often each was looked at. */
function openBreaker() {
  const problems = new Map<string, () => Promise<void>>();
  const looks: string[] = [];
  const opened: string[] = [];
  const logged: string[] = [];
  const note = (message: string, facts: object = {}) =>
    void logged.push(`${message} ${JSON.stringify(facts)}`);
  const partOf = (name: string) => ({
    name,
    code: `${name}_unavailable`,
    check: async () => {
      looks.push(name);
      await problems.get(name)?.();
    },
  });
  const breaker = new ClaimBreaker({
    parts: [partOf('engine'), partOf('vault')],
    onOpen: () => void opened.push('opened'),
    log: { info: note, error: note },
  });
  return { breaker, problems, looks, opened, logged };
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

function away(message: string): () => Promise<void> {
  return () => Promise.reject(new BrokenError('vault_unavailable', message));
}

test('a breaker is open and asks nothing as long as all is well', async () => {
  const { breaker, looks } = openBreaker();
  breaker.recordOutcome(ended);
  breaker.recordOutcome({ kind: 'failed', reason: 'exit_code', code: 'exit_code', message: '', exitCode: 1 });
  breaker.recordOutcome(postponed('shutdown'));

  await vi.advanceTimersByTimeAsync(60_000);

  expect(breaker.mayClaim()).toBeUndefined();
  expect(breaker.blockers()).toEqual([
    { part: 'engine', reason: undefined },
    { part: 'vault', reason: undefined },
  ]);
  expect(looks).toEqual([]);
});

test('a job that finds a part away closes it at once, with the reason, until the part answers', async () => {
  const { breaker, problems, looks, opened, logged } = openBreaker();
  problems.set('vault', away('Vault is sealed.'));

  breaker.recordOutcome(postponed('vault_unavailable'));
  expect(breaker.mayClaim()).toBe('vault_unavailable, said the job.');
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(7_000);
  expect(breaker.mayClaim()).toBe('Vault is sealed.');
  expect(breaker.blockers()).toContainEqual({ part: 'vault', reason: 'Vault is sealed.' });
  expect(looks.length).toBeLessThan(6);
  expect(opened).toEqual([]);
  problems.delete('vault');
  await vi.advanceTimersByTimeAsync(2_000);

  expect(breaker.mayClaim()).toBeUndefined();
  expect(opened).toEqual(['opened']);
  expect(logged.map((line) => line.split(' {')[0])).toEqual([
    'taking no jobs until a part answers',
    'taking jobs again: a part answers',
  ]);
  const count = looks.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(looks).toHaveLength(count);
});

test('a job whose credentials were lost to a part that is away closes it too', () => {
  const { breaker } = openBreaker();

  breaker.recordOutcome({
    kind: 'failed',
    reason: 'infrastructure',
    code: 'engine_unavailable',
    message: 'It is gone.',
    exitCode: undefined,
  });

  expect(breaker.mayClaim()).toBe('It is gone.');
});

test('with two parts away it opens when both are back', async () => {
  const { breaker, problems, opened } = openBreaker();
  problems.set('vault', away('Vault is sealed.'));
  breaker.recordOutcome(postponed('engine_unavailable'));
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(breaker.mayClaim()).toBe('Vault is sealed.');
  expect(opened).toEqual([]);

  problems.clear();
  await vi.advanceTimersByTimeAsync(2_000);

  expect(opened).toEqual(['opened']);
});

test('a part that is silent is away, and is waited for no longer than five seconds', async () => {
  const { breaker, problems } = openBreaker();
  problems.set('engine', () => new Promise(() => {}));
  breaker.recordOutcome(postponed('engine_unavailable'));

  await vi.advanceTimersByTimeAsync(6_000);
  expect(breaker.mayClaim()).toBe('The engine did not answer within 5 seconds.');
  problems.delete('engine');
  await vi.advanceTimersByTimeAsync(2_000);

  expect(breaker.mayClaim()).toBeUndefined();
});

test('a part that answers and spoils jobs all the same is given more and more rest, until a job has run', async () => {
  const { breaker } = openBreaker();
  const closedFor = async () => {
    const since = performance.now();
    breaker.recordOutcome(postponed('engine_unavailable'));
    while (breaker.mayClaim() !== undefined) await vi.advanceTimersByTimeAsync(50);
    return performance.now() - since;
  };
  const times: number[] = [];
  for (let round = 0; round < 12; round++) times.push(await closedFor());

  expect(times.slice(0, 4)).toEqual([200, 400, 800, 1600]);
  expect(times.at(-1)).toBe(30_000);
  breaker.recordOutcome(ended);
  expect(await closedFor()).toBe(200);
});

test('nobody is looked at after the end', async () => {
  const { breaker, looks, opened } = openBreaker();
  breaker.recordOutcome(postponed('engine_unavailable'));

  breaker[Symbol.dispose]();
  breaker.recordOutcome(postponed('vault_unavailable'));
  await vi.advanceTimersByTimeAsync(60_000);

  expect(looks).toEqual([]);
  expect(opened).toEqual([]);
});
