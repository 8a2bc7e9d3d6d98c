import { expect, test } from 'vitest';
import { ArchiveTree } from '../../../src/docker/archive/tree.js';

type Entry = Parameters<ArchiveTree['add']>;

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
    'a name twice',
    [
      ['a', 'file'],
      ['a', 'file'],
    ],
    'its name occurs twice',
  ],
  [
    'a directory twice',
    [
      ['a', 'directory'],
      ['a', 'directory'],
    ],
    'its name occurs twice',
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
  const tree = new ArchiveTree();

  const problems = entries.map(([path, kind]) => tree.add(path, kind));

  expect(problems.at(-1)).toBe(expected);
  expect(problems.slice(0, -1).every((problem) => problem === undefined)).toBe(true);
});
