import { expect, test } from 'vitest';
import { encodePath, isTokenShaped, pathOf } from '../../../src/vault/client/path.js';

test.each([
  ['secret/data/app', ['secret/data/app']],
  ['auth/team/approle/role/job/secret-id', ['auth', 'team/approle', 'role', 'job', 'secret-id']],
  ['cubbyhole/a.b~c', ['cubbyhole/a.b~c']],
  ['kv/a%40b%3Ac', ['kv/a@b:c']],
])('a plain path becomes %s', (encoded, pieces) => {
  expect(encodePath(...pieces)).toBe(encoded);
});

test.each([
  '',
  '/',
  'a//b',
  '/a',
  'a/',
  'a/../b',
  'a/./b',
  '..',
  'a/...',
  'a?b',
  'a#b',
  'a%2e%2e/b',
  'a\\b',
  'a b',
  'a\nb',
  'a\0b',
  'ä',
  'a;b',
  'a&#x2F;b',
])('the path %j is refused', (path) => {
  expect(encodePath(path)).toBeUndefined();
});

test('a setting that is no plain path is a bug', () => {
  expect(() => pathOf('auth', '../sys', 'login')).toThrow('Expected a plain Vault path');
});

test.each([
  ['s.abc', true],
  ['hvs.CAESI-_~', true],
  ['x'.repeat(4096), true],
  ['x'.repeat(4097), false],
  ['', false],
  ['a b', false],
  ['a\r\nX-Vault-Namespace: x', false],
  ['tökên', false],
])('whether %j can be a token: %s', (text, is) => {
  expect(isTokenShaped(text)).toBe(is);
});
