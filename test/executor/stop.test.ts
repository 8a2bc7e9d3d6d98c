import { afterEach, expect, test, vi } from 'vitest';
import { Stop, StoppedError } from '../../src/executor/stop.js';

afterEach(() => {
  vi.useRealTimers();
});

test('without a stop request every check passes', () => {
  using stop = new Stop();

  expect(stop.reason).toBeUndefined();
  expect(stop.signal.aborted).toBe(false);
  expect(() => stop.check()).not.toThrow();
});

test('the first reason wins, in the signal and in the check', () => {
  using stop = new Stop();
  stop.request('kill');
  stop.request('shutdown');

  expect(stop.reason).toBe('kill');
  expect(stop.signal.reason).toEqual(new StoppedError('kill'));
  expect(() => stop.check()).toThrow(expect.objectContaining({ name: 'StoppedError', by: 'kill' }));
});

test('the time limit is a reason like others', () => {
  vi.useFakeTimers();
  using stop = new Stop();
  stop.limit(1000);

  vi.advanceTimersByTime(999);
  expect(stop.reason).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(stop.reason).toBe('time_limit');
});

test('a limit beyond what timers can count is a long one, not an immediate one', () => {
  vi.useFakeTimers();
  using stop = new Stop();
  stop.limit(2 ** 40);

  vi.advanceTimersByTime(86_400_000);
  expect(stop.reason).toBeUndefined();
});

test('no timer is left running', () => {
  vi.useFakeTimers();
  {
    using stop = new Stop();
    stop.limit(1000);
    expect(vi.getTimerCount()).toBe(1);
  }
  expect(vi.getTimerCount()).toBe(0);
});
