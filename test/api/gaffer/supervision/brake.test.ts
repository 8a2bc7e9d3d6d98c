import { describe, expect, test } from 'vitest';
import {
  type Brake,
  defaultFlapping,
  judgeEnd,
  released,
} from '../../../../src/api/gaffer/supervision/brake.js';

const patient = { attempts: 5, window: 60, retry_in: 30, max_retry: 10 };

/** The judgments about processes that end one after another, each after it ran for so long. */
function judge(rans: readonly number[], flapping = patient, begin: Brake = released) {
  const judgments: string[] = [];
  const pauses: number[] = [];
  let brake = begin;
  let at = 1_000_000;
  for (const ranMs of rans) {
    at = Math.max(at, brake.notBefore) + ranMs;
    const judged = judgeEnd(brake, { at, ranMs }, flapping);
    judgments.push(judged.judgment);
    pauses.push(Math.max(0, judged.brake.notBefore - at));
    brake = judged.brake;
  }
  return { judgments, pauses, brake };
}

describe('a process that ends', () => {
  test('is restarted at once, also again and again, while each ran for a time', () => {
    const { judgments, pauses } = judge([61_000, 61_000, 61_000, 61_000, 61_000, 61_000, 61_000]);

    expect(new Set(judgments)).toEqual(new Set(['restart']));
    expect(new Set(pauses)).toEqual(new Set([0]));
  });

  test('is restarted after pauses that grow where it ends in a moment', () => {
    const { pauses } = judge(Array(12).fill(1_900), { ...patient, attempts: 100, window: 0 });

    expect(pauses).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
  });

  test('ends the pauses by running longer', () => {
    expect(judge([100, 100, 100, 5_000, 100], { ...patient, attempts: 9, window: 0 }).pauses).toEqual([
      0, 500, 1000, 0, 0,
    ]);
  });
});

describe('flapping', () => {
  test('is so many ends within a time, by the clock', () => {
    expect(judge([11_000, 11_000, 11_000, 11_000, 11_000]).judgments).toEqual([
      ...Array(4).fill('restart'),
      'flapping',
    ]);
    expect(judge([16_000, 16_000, 16_000, 16_000, 16_000]).judgments).not.toContain('flapping');
  });

  test('is found behind the time that containers and pauses take', () => {
    const first = judgeEnd(released, { at: 10_000, ranMs: 100 }, defaultFlapping);
    const second = judgeEnd(first.brake, { at: 13_000, ranMs: 100 }, defaultFlapping);

    expect(second).toMatchObject({ judgment: 'flapping', brake: { rounds: 1, notBefore: 20_000 } });
  });

  test('is given up after so many tries, whatever the pause is', () => {
    for (const retry_in of [0, 7, 1000]) {
      const flapping = { ...defaultFlapping, retry_in, max_retry: 3 };
      const { judgments } = judge(Array(8).fill(100), flapping);
      expect(judgments).toEqual(
        'restart flapping restart flapping restart flapping restart give_up'.split(' '),
      );
    }
  });

  test('is given up at once where no try is allowed', () => {
    expect(judge([100], { attempts: 1, window: 1, retry_in: 1, max_retry: 0 }).judgments).toEqual([
      'give_up',
    ]);
  });

  test('is forgotten once a process ran for longer than the time', () => {
    const { brake } = judge([100, 100, 100, 100]);
    expect(brake.quickEnds).toBe(4);
    const rounds = judge([100, 100, 100, 100, 100, 61_000], patient).brake;

    expect(rounds).toMatchObject({ rounds: 0, quickEnds: 0 });
  });
});
