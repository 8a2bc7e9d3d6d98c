import { expect, test } from 'vitest';
import { arrayText, newClient } from '../../../src/store/postgres/connection.js';

test('a client sends no query of its own, since its failure could not be handled', () => {
  const { options } = newClient('postgres://nobody@127.0.0.1:1/none', { max: 1 });

  expect(options.fetch_types).toBe(false);
});

test('a client whose connection was closed waits a moment, and never longer than a second, however often it failed', () => {
  const { options } = newClient('postgres://nobody@127.0.0.1:1/none', { max: 1 });
  const backoff = options.backoff as (failures: number) => number;

  expect(backoff(0)).toBeGreaterThan(0.02); // A standby accepts the connection and is rejected each time.
  expect(backoff(1)).toBeLessThan(0.2);
  expect(backoff(1000)).toBe(1);
});

test.each([
  [[], '{}'],
  [[5, -3], '{5,-3}'],
  [['a1', 'b2'], '{a1,b2}'],
])('the array %j is sent as %s', (values: (string | number)[], text) => {
  expect(arrayText(values)).toBe(text);
});
