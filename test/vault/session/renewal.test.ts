import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Renewal, type RenewalAnswer, renewalDelayMs } from '../../../src/vault/session/renewal.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const atOnce = () => 0;

function start(ttlMs: number, answers: readonly RenewalAnswer[], renewable = true) {
  const asked: number[] = [];
  let overs = 0;
  const began = performance.now();
  const renew = async () => {
    asked.push(Math.round(performance.now() - began));
    return answers[asked.length - 1] ?? { kind: 'over' as const };
  };
  const onOver = () => {
    overs += 1;
  };
  const renewal = new Renewal({ ttlMs, renewable }, { renew, onOver, random: atOnce });
  return { asked, renewal, overs: () => overs };
}

const renewed = (ttlMs: number): RenewalAnswer => ({ kind: 'renewed', ttlMs, renewable: true });

test('it renews at two thirds of the time, again and again', async () => {
  const { asked } = start(60_000, [renewed(60_000), renewed(60_000), renewed(60_000)]);

  await vi.advanceTimersByTimeAsync(121_000);

  expect(asked).toEqual([40_000, 80_000, 120_000]);
});

test('it stops, and says so, when a renewal brings nothing more', async () => {
  const { asked, overs } = start(60_000, [renewed(20_000)]);

  await vi.advanceTimersByTimeAsync(600_000);

  expect(asked).toEqual([40_000]);
  expect(overs()).toBe(1);
});

test('it retries while Vault is unavailable, until the time is over', async () => {
  const later = Array.from({ length: 1000 }, (): RenewalAnswer => ({ kind: 'later' }));
  const { asked, overs } = start(60_000, later);

  await vi.advanceTimersByTimeAsync(120_000);

  expect(asked.slice(0, 3)).toEqual([40_000, 53_333, 57_778]);
  expect(asked.length).toBeLessThan(20);
  expect(overs()).toBe(1);
});

test('it recovers when Vault comes back in time', async () => {
  const { asked, overs } = start(60_000, [{ kind: 'later' }, renewed(60_000), renewed(60_000)]);

  await vi.advanceTimersByTimeAsync(100_000);

  expect(asked).toEqual([40_000, 53_333, 93_333]);
  expect(overs()).toBe(0);
});

test('a refusal ends it', async () => {
  const { asked, overs } = start(60_000, [{ kind: 'over' }]);

  await vi.advanceTimersByTimeAsync(600_000);

  expect([asked.length, overs()]).toEqual([1, 1]);
});

test('what may not be renewed is left alone without a report', async () => {
  const { asked, overs } = start(60_000, [], false);

  await vi.advanceTimersByTimeAsync(600_000);

  expect([asked.length, overs()]).toEqual([0, 0]);
});

test('disposing ends it without a report', async () => {
  const { asked, renewal, overs } = start(60_000, [renewed(60_000)]);

  renewal[Symbol.dispose]();
  await vi.advanceTimersByTimeAsync(600_000);

  expect([asked.length, overs()]).toEqual([0, 0]);
});

test('a year does not overflow the timer', async () => {
  const { asked } = start(365 * 86_400_000, [renewed(365 * 86_400_000)]);

  await vi.advanceTimersByTimeAsync(60_000);

  expect(asked).toEqual([]);
});

test.each([
  [3_000, 0, 2_000],
  [3_000, 1, 1_800],
  [100, 0, 250],
  [-5, 0, 250],
  [768 * 3_600_000, 0, 1_843_200_000],
  [10_000 * 3_600_000, 0, 2 ** 31 - 1],
])('with %d ms left and a throw of %d it waits %d ms', (remainingMs, thrown, delayMs) => {
  expect(renewalDelayMs(remainingMs, () => thrown)).toBe(delayMs);
});
