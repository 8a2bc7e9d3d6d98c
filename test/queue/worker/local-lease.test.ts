import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LocalLease } from '../../../src/queue/worker/local-lease.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('Q2: a claim is trusted for a lease less a margin', () => {
  const localLease = new LocalLease(10_000, performance.now());

  vi.advanceTimersByTime(8_999);
  expect(localLease.holds).toBe(true);
  vi.advanceTimersByTime(1);
  expect(localLease.holds).toBe(false);
});

test('Q2: what counts is when a renewal began, not when its answer came', () => {
  const localLease = new LocalLease(10_000, performance.now());
  vi.advanceTimersByTime(5_000);
  const begunAt = performance.now();
  vi.advanceTimersByTime(3_000);

  localLease.renewed(begunAt);

  vi.advanceTimersByTime(5_999);
  expect(localLease.holds).toBe(true);
  vi.advanceTimersByTime(1);
  expect(localLease.holds).toBe(false);
});

test('Q2: a late answer does not shorten the lease', () => {
  const begunAt = performance.now();
  vi.advanceTimersByTime(1_000);
  const localLease = new LocalLease(10_000, performance.now());

  localLease.renewed(begunAt);

  vi.advanceTimersByTime(8_500);
  expect(localLease.holds).toBe(true);
});

test('Q10: a system clock that is set back does not extend the lease', () => {
  const localLease = new LocalLease(10_000, performance.now());

  vi.advanceTimersByTime(9_500);
  vi.setSystemTime(0);

  expect(localLease.holds).toBe(false);
});
