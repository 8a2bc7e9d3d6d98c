import { expect, test } from 'vitest';
import { arrayText, newClient } from '../../../src/store/postgres/connection.js';
import { restMs, Sockets } from '../../../src/store/postgres/sockets.js';

test('a client sends no query of its own, since its failure could not be handled', () => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  const { options } = newClient(url, { max: 1, sockets: new Sockets(url), onLoss: () => undefined });

  expect(options.fetch_types).toBe(false);
});

test('no connection of a client is closed for its age, since that would replace the client while statements wait', () => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  const { options } = newClient(url, { max: 1, sockets: new Sockets(url), onLoss: () => undefined });

  expect(options.max_lifetime).toBeNull();
});

test('after a lost connection there is a rest, never longer than a second, however often connecting failed', () => {
  expect(restMs(0)).toBeGreaterThan(20); // A standby accepts the connection and is rejected each time.
  expect(restMs(1)).toBeLessThan(200);
  expect(restMs(1000)).toBe(1_000);
});

test.each([
  [[], '{}'],
  [[5, -3], '{5,-3}'],
  [['a1', 'b2'], '{a1,b2}'],
])('the array %j is sent as %s', (values: (string | number)[], text) => {
  expect(arrayText(values)).toBe(text);
});
