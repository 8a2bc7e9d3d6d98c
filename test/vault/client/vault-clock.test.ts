import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { VaultClock } from '../../../src/vault/client/vault-clock.js';

const hourMs = 3_600_000;
const start = Date.parse('2025-10-18T14:00:00.000Z');

beforeEach(() => {
  vi.useFakeTimers({ now: start, toFake: ['performance', 'Date', 'setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An answer that Vault made half way between request and response, by a clock that is ahead of ours. */
function hear(clock: VaultClock, aheadMs: number, tookMs = 0): void {
  const askedAt = performance.now();
  vi.advanceTimersByTime(tookMs / 2);
  const date = new Date(Math.floor((Date.now() + aheadMs) / 1000) * 1000).toUTCString();
  vi.advanceTimersByTime(tookMs / 2);
  clock.observe(date, askedAt);
}

test('before the first answer it is our own time', () => {
  expect(new VaultClock().now()).toBe(start);
});

test.each([hourMs, -hourMs, 0])(
  'after one answer, Vault being %i ms ahead, it is right to a second',
  (aheadMs) => {
    const clock = new VaultClock();

    hear(clock, aheadMs, 20);

    expect(Math.abs(clock.now() - (Date.now() + aheadMs))).toBeLessThanOrEqual(520);
  },
);

test('more answers make it more exact, and our own clock may be set meanwhile', () => {
  const clock = new VaultClock();
  for (let count = 0; count < 30; count++) {
    hear(clock, hourMs, 10);
    vi.advanceTimersByTime(337);
  }
  const right = Date.now() + hourMs;
  vi.setSystemTime(start - hourMs);

  expect(Math.abs(clock.now() - right)).toBeLessThanOrEqual(60);
});

test('a clock of Vault that is set is followed with the next answer', () => {
  const clock = new VaultClock();
  hear(clock, 0);
  hear(clock, hourMs);

  expect(Math.abs(clock.now() - (Date.now() + hourMs))).toBeLessThanOrEqual(520);
});

test.each([undefined, '', 'yesterday'])('a header %j says nothing', (date) => {
  const clock = new VaultClock();

  clock.observe(date, performance.now());

  expect(clock.now()).toBe(start);
});
