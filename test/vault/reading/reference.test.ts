import { expect, test } from 'vitest';
import { groupReferences } from '../../../src/vault/reading/reference.js';

test('references are grouped by path, in order', () => {
  expect(groupReferences(['A@kv/one.a', 'B@kv/two.b', 'C@kv/one.c'])).toEqual([
    {
      path: 'kv/one',
      references: [
        { variable: 'A', path: 'kv/one', key: 'a' },
        { variable: 'C', path: 'kv/one', key: 'c' },
      ],
    },
    { path: 'kv/two', references: [{ variable: 'B', path: 'kv/two', key: 'b' }] },
  ]);
});

test('a later entry for the same variable wins, and the path of the first is not read', () => {
  expect(groupReferences(['A@kv/one.a', 'A@kv/two.b']).map((read) => read.path)).toEqual(['kv/two']);
});

test('paths that differ in slashes only are one', () => {
  expect(groupReferences(['A@/kv//one/.a', 'B@kv/one.b']).map((read) => read.path)).toEqual(['kv/one']);
});

test('no references make no reads', () => {
  expect(groupReferences([])).toEqual([]);
});

test.each([
  'A@kv/one',
  'A@kv/one.',
  '@kv/one.a',
  'kv/one.a',
  'A@kv/one.a.b',
  'A@kv/../one.a',
  'A B@kv/one.a',
  'Ä@kv/one.a',
  'A@kv/öne.a',
  'A@kv/one.a\n',
  'A@kv/one?.a',
  'A@//.a',
  '',
])('the entry %j is refused by name', (entry) => {
  expect(() => groupReferences(['OK@kv/one.a', entry])).toThrow(
    expect.objectContaining({
      reason: 'secrets_refused',
      code: 'reference_invalid',
      message: expect.stringContaining(
        `entry 2 of the secret references to be \`NAME@PATH.KEY\`, got ${JSON.stringify(entry)}: `,
      ),
    }),
  );
});

test('all wrong entries are named at once', () => {
  expect(() => groupReferences(['A@kv/one', 'B'])).toThrow(/entry 1 .* entry 2 /);
});
