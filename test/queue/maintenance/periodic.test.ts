import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runPeriodically } from '../../../src/queue/maintenance/periodic.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openRounds(round: () => Promise<unknown>) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  return { errors, rounds: runPeriodically({ firstMs: 100, intervalMs: 1_000, round, onError }) };
}

test('the first round begins after its delay, the others follow until disposed', async () => {
  let count = 0;
  const { rounds } = openRounds(async () => count++);

  await vi.advanceTimersByTimeAsync(99);
  expect(count).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(count).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(count).toBe(3);
  await rounds[Symbol.asyncDispose]();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(count).toBe(3);
});

test('a round that takes long is not overtaken, and disposing waits for it', async () => {
  const done: string[] = [];
  const { rounds } = openRounds(async () => {
    done.push('begun');
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    done.push('ended');
  });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(done).toEqual(['begun']);

  const ending = rounds[Symbol.asyncDispose]().then(() => done.push('disposed'));
  await vi.advanceTimersByTimeAsync(5_000);
  await ending;

  expect(done).toEqual(['begun', 'ended', 'disposed']);
});

test('an error ends only its round', async () => {
  const { rounds, errors } = openRounds(() => Promise.reject(new Error('unavailable')));

  await vi.advanceTimersByTimeAsync(2_000);
  await rounds[Symbol.asyncDispose]();

  expect(errors).toHaveLength(3);
});
