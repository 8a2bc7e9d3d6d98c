import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../../src/docker/archive/place-table.js';
import { defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { ArchiveTree } from '../../../src/docker/archive/tree.js';

type Entry = readonly [path: string, kind: Place['kind']];

test.each<[string, Entry[], string | undefined]>([
  [
    'a file beside another',
    [
      ['a/b', 'file'],
      ['a/c', 'file'],
    ],
    undefined,
  ],
  [
    'a directory after what lies in it',
    [
      ['a/b', 'file'],
      ['a', 'directory'],
    ],
    undefined,
  ],
  [
    'a file twice',
    [
      ['a', 'file'],
      ['a', 'file'],
    ],
    undefined,
  ],
  [
    'a directory twice',
    [
      ['a', 'directory'],
      ['a', 'directory'],
    ],
    undefined,
  ],
  [
    'a link twice',
    [
      ['a', 'link'],
      ['a', 'link'],
    ],
    undefined,
  ],
  [
    'a directory in place of a file',
    [
      ['a', 'file'],
      ['a', 'directory'],
    ],
    'its name belongs to a file of the archive already',
  ],
  [
    'a link in place of a file',
    [
      ['a', 'file'],
      ['a', 'link'],
    ],
    'its name belongs to a file of the archive already',
  ],
  [
    'a file below a file',
    [
      ['a', 'file'],
      ['a/b', 'file'],
    ],
    'it lies below a file of the archive',
  ],
  [
    'a file through a link',
    [
      ['a', 'link'],
      ['a/b/c', 'file'],
    ],
    'it lies below a link of the archive',
  ],
  [
    'a file over a directory that others imply',
    [
      ['a/b', 'file'],
      ['a', 'file'],
    ],
    'other entries lie below it',
  ],
  [
    'a link over a directory that others imply',
    [
      ['a/b/c', 'file'],
      ['a/b', 'link'],
    ],
    'other entries lie below it',
  ],
])('%s gives: %3$s', (_, entries, expected) => {
  const tree = new ArchiveTree(defaultArchiveLimits);

  const problems = entries.map(([path, kind]) => tree.add(path, { kind }));

  expect(problems.at(-1)).toBe(expected);
  expect(problems.slice(0, -1).every((problem) => problem === undefined)).toBe(true);
});

function placeAt(index: number): Place {
  if (index % 3 === 0) return { kind: 'link', target: `../t${index}` };
  return { kind: 'file', member: index, sizeBytes: index * 1e9, isCopy: index % 2 === 0 };
}

describe('a tree', () => {
  test('gives its places from above to below, with their paths', () => {
    const tree = new ArchiveTree(defaultArchiveLimits);
    for (const path of ['a/b/c', 'd', 'a/e']) tree.add(path, { kind: 'file' });

    const numbers = Array.from({ length: tree.last }, (_, index) => index + 1);

    expect(numbers.map((number) => tree.pathOf(number))).toEqual(['a', 'a/b', 'a/b/c', 'd', 'a/e']);
    expect(numbers.map((number) => tree.parentOf(number))).toEqual([0, 1, 2, 0, 1]);
  });

  test('finds what was put there last, and nothing else', () => {
    const tree = new ArchiveTree(defaultArchiveLimits);
    const paths = Array.from(
      { length: 5_000 },
      (_, index) => `${'ж'.repeat(index % 7)}${index % 50}/${index}`,
    );
    for (const path of paths) tree.add(path, { kind: 'file', member: 1, sizeBytes: 1, isCopy: false });
    const other = new ArchiveTree(defaultArchiveLimits);

    for (const [index, path] of paths.entries()) other.add(path, placeAt(index));

    expect(paths.map((path) => tree.find(path))).toEqual(
      paths.map(() => ({ kind: 'file', member: 1, sizeBytes: 1, isCopy: false })),
    );
    expect(paths.map((path) => other.find(path))).toEqual(paths.map((_, index) => placeAt(index)));
    expect(['ж1', 'ж1/1', '1/1', 'ж1/1/1', 'ж'].map((path) => tree.find(path))).toEqual([
      'implied',
      { kind: 'file', member: 1, sizeBytes: 1, isCopy: false },
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a tree that is', () => {
  test.each([
    ['places', 74_000, (index: number) => `${index}/f`],
    ['names of Chinese letters', 50_000, (index: number) => `${'字'.repeat(38)}${index}`],
    ['names below one deep place', 100_000, (index: number) => `${'directory/'.repeat(60)}${index}`],
  ])('full of %s takes less than 16 MB, next to nothing of it as objects', async (_, count, pathOf) => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const tree = new ArchiveTree(defaultArchiveLimits);
    collectGarbage();
    const before = process.memoryUsage();

    for (let index = 0; index < count; index++) tree.add(pathOf(index), { kind: 'file', member: index });

    const grown = (field: 'heapUsed' | 'arrayBuffers') => {
      collectGarbage();
      return process.memoryUsage()[field] - before[field];
    };
    expect(grown('heapUsed')).toBeLessThan(1e6);
    await expect.poll(() => grown('arrayBuffers')).toBeLessThan(16e6); // Another thread of V8 gives them back.
    expect(tree.last).toBeGreaterThanOrEqual(count);
  });

  test('too large refuses more places than it has room for, those that are only implied too', () => {
    const tree = new ArchiveTree({ ...defaultArchiveLimits, places: 3 });
    tree.add('a/b', { kind: 'file' });
    tree.add('a/c', { kind: 'file' });

    expect(() => tree.add('d/e', { kind: 'file' })).toThrow(
      'Expected `content` to fill at most 3 places, files and all directories that lead to them, got more.',
    );
  });

  test('too long refuses more names than it has room for, each step counted once, and targets too', () => {
    const tree = new ArchiveTree({ ...defaultArchiveLimits, allNamesBytes: 10 });
    tree.add('long/a', { kind: 'file' });
    tree.add('long/b', { kind: 'link', target: 'aa' });

    expect(() => tree.add('long/ccc', { kind: 'file' })).toThrow(
      'Expected the names in `content` to be at most 10 bytes long together, got more.',
    );
  });
});
