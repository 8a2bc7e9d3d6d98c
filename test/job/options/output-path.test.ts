import { expect, test } from 'vitest';
import { outputPathOf } from '../../../src/job/options/output-path.js';

test.each([
  ['out.txt', '/out/kai/out.txt'],
  ['logs/a/out.txt', '/out/kai/logs/a/out.txt'],
  ['./out.txt', '/out/kai/out.txt'],
  ['logs/', '/out/kai/logs/'],
  ['.', '/out/kai'],
  ['/out/shared/a.txt', '/out/shared/a.txt'],
  ['/out//shared/./a.txt', '/out/shared/a.txt'],
  ['/dev/null', '/dev/null'],
])('below a root, %s means %s', (given, path) => {
  expect(outputPathOf(given, '/out', 'kai')).toEqual({ path });
});

test.each([
  '../ada/out.txt',
  'a/../../b',
  '/out/../etc/passwd',
  '/etc/passwd',
  '/out',
  '/output/a',
  '/dev/null/a',
  'a\0b',
  'x'.repeat(256),
  'x/'.repeat(2100),
])('below a root, %j is refused', (given) => {
  expect(outputPathOf(given, '/out', 'kai')).toEqual({ problem: expect.stringContaining('a path') });
});

test('without a root a path is kept as it is', () => {
  expect(outputPathOf('../a', undefined, 'kai')).toEqual({ path: '../a' });
  expect(outputPathOf('/etc/passwd', undefined, 'kai')).toEqual({ path: '/etc/passwd' });
});

test('the root of the file system may be the root', () => {
  expect(outputPathOf('/srv/a', '/', 'kai')).toEqual({ path: '/srv/a' });
  expect(outputPathOf('a', '/', 'kai')).toEqual({ path: '/kai/a' });
});
