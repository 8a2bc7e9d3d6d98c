import { expect, test } from 'vitest';
import { warningsOf } from '../../../src/queue/service/forecast.js';

const now = Date.parse('2025-10-18T14:00:00Z');
const wrapFor = (seconds: number) => {
  const leftMs = seconds * 1000;
  return { expiresAt: now + leftMs, ttlMs: leftMs, leftMs };
};
const forecast = { full: false, ahead: 4, typicalRunMs: 30_000 };

test('V6: a wrapping token that expires before the forecast turn gets a warning with both times', () => {
  expect(warningsOf({ wrap: wrapFor(60), forecast, wrapMinimumMs: 0 })).toEqual([
    'The wrapping token of the SecretID expires at 2025-10-18T14:01:00.000Z, in 60 seconds, and this job may have to wait 120 seconds: ' +
      '4 jobs are before it, of which one takes 30 seconds by the last ones. Give the wrapping token more time (`X-Vault-Wrap-TTL`).',
  ]);
});

test('V6: a wrapping token that lives for less than the minimum gets a warning', () => {
  const free = { ...forecast, ahead: 0 };

  expect(warningsOf({ wrap: wrapFor(60), forecast: free, wrapMinimumMs: 600_000 })).toEqual([
    expect.stringContaining('asks for at least 600 seconds'),
  ]);
});

test.each([
  ['long enough', { wrap: wrapFor(600), forecast, wrapMinimumMs: 600_000 }],
  ['not known', { wrap: undefined, forecast, wrapMinimumMs: 600_000 }],
  [
    'short, where nothing is known of the queue',
    { wrap: wrapFor(1), forecast: { ...forecast, typicalRunMs: null }, wrapMinimumMs: 0 },
  ],
])('V6: a wrapping token that is %s gets no warning', (_, facts) => {
  expect(warningsOf(facts)).toEqual([]);
});
