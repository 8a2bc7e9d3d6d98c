import { expect, test } from 'vitest';
import { createTestApp } from '../../support/test-app.js';

const headers = { authorization: 'Bearer s.operator' };

test.each([
  ['path=kv/data/app', { path: 'kv/data/app', version: undefined, after: undefined, limit: 100 }],
  ['path=/kv//data/app/&version=2', { path: 'kv/data/app', version: 2, after: undefined, limit: 100 }],
  [
    'path=kv/a%20b&after=2.9&limit=5',
    { path: 'kv/a b', version: undefined, after: { version: '2', seq: '9' }, limit: 5 },
  ],
])('A6: the reads of a secret are asked for with %s', async (query, choice) => {
  const { app, operations } = createTestApp();

  const response = await app.request(`/stint/v1/secrets?${query}`, { headers });

  expect(response.status).toBe(200);
  expect(operations.asked).toEqual([['secretReads', choice]]);
});

test('a full page says where the next one begins', async () => {
  const { app } = createTestApp();

  const answer = async (limit: number) =>
    await (await app.request(`/stint/v1/secrets?path=kv/data/app&limit=${limit}`, { headers })).json();

  expect(await answer(1)).toMatchObject({ next: '2.9', reads: [{ version: 2, keys: ['a'], lease: null }] });
  expect(await answer(2)).toMatchObject({ next: null });
});

test.each([
  ['', 'Expected `path` to be the path of a secret in Vault'],
  ['path=///', 'Expected `path`'],
  ['path=a%00b', 'Expected `path`'],
  [`path=${'a'.repeat(5_000)}`, 'Expected `path`'],
  ['path=kv/a&version=-1', 'Expected `version` to be a whole number'],
  ['path=kv/a&version=1e3', 'Expected `version`'],
  ['path=kv/a&version=9999999999999999', 'Expected `version`'],
  ['path=kv/a&after=%00', 'Expected `after` to be text without control characters'],
  ['path=kv/a&after=1.2.3', 'Expected `after`'],
  ['path=kv/a&limit=0', 'Expected `limit`'],
])('the query %j is refused', async (query, message) => {
  const { app, operations } = createTestApp();

  const response = await app.request(`/stint/v1/secrets?${query}`, { headers });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining(message) });
  expect(operations.asked).toEqual([]);
});
