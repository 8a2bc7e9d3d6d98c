import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration, showDuration } from '../../src/job/duration.js';

describe('parseDuration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['15s', 15_000],
    ['1.5s', 1500],
    ['0.1h', 360_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['90m', 5_400_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    ' ',
    '5',
    '1h30',
    '-5m',
    '+5m',
    '5 m',
    '5m ',
    '5M',
    '1m1h',
    '1s1s',
    '.5s',
    '1.s',
    '1e3s',
    '5us',
    '0.5ms',
    '1m30x',
    'Infinitys',
    `${'9'.repeat(30)}d`,
    '٣s',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('reads what any whole number of each unit stands for', () => {
    const amount = fc.nat(59);
    fc.assert(
      fc.property(amount, amount, amount, (hours, minutes, seconds) => {
        const text = `${hours}h${minutes}m${seconds}s`;
        expect(parseDuration(text)).toBe(((hours * 60 + minutes) * 60 + seconds) * 1000);
      }),
    );
  });
});

test.each([
  [0, '0ms'],
  [100, '100ms'],
  [1500, '1500ms'],
  [1000, '1s'],
  [60_000, '1m'],
  [5_400_000, '90m'],
  [24 * 86_400_000, '24d'],
])('%d ms are shown in the largest unit that fits', (ms, text) => {
  expect(showDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
