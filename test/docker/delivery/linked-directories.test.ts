import { describe, expect, test } from 'vitest';
import type { Place } from '../../../src/docker/archive/place-table.js';
import { defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { ArchiveTree } from '../../../src/docker/archive/tree.js';
import { findLinkedDirectories } from '../../../src/docker/delivery/linked-directories.js';
import type { PathFacts } from '../../../src/docker/engine/engine.js';
import { fakeEngine } from '../../support/fake-engine.js';
import { countTurns } from '../../support/turns.js';

const directory: PathFacts = { kind: 'directory', target: undefined };
const file: PathFacts = { kind: 'other', target: undefined };

function link(target: string | undefined): PathFacts {
  return { kind: 'link', target };
}

function treeOf(entries: Readonly<Record<string, Place['kind']>>): ArchiveTree {
  const tree = new ArchiveTree(defaultArchiveLimits);
  for (const [path, kind] of Object.entries(entries)) tree.add(path, { kind });
  return tree;
}

/** An image with these paths, and what was asked of it. */
async function find(
  entries: Readonly<Record<string, Place['kind']>>,
  image: Readonly<Record<string, PathFacts>>,
  limitMs = 10_000,
) {
  const asked: string[] = [];
  const engine = fakeEngine({
    findPath: async (_, path) => {
      asked.push(path);
      return image[path];
    },
  });
  const { signal } = new AbortController();
  const linked = await findLinkedDirectories(treeOf(entries), { engine, containerId: 'c1', signal, limitMs });
  return { linked, asked };
}

describe('findLinkedDirectories', () => {
  test('finds links to directories, also through further links', async () => {
    const image = { '/a': link('/x'), '/b': link('/a'), '/c': directory, '/x': directory };

    const { linked } = await find({ a: 'directory', b: 'directory', c: 'directory', d: 'directory' }, image);

    expect(linked).toEqual(['a', 'b']);
  });

  test.each([
    ['a file', { '/a': link('/f'), '/f': file }],
    ['nothing', { '/a': link('/nowhere') }],
    ['itself', { '/a': link('/a') }],
    ['a place that the engine does not tell', { '/a': link(undefined) }],
  ])('does not count a link to %s', async (_, image) => {
    expect((await find({ a: 'directory' }, image)).linked).toEqual([]);
  });

  test('asks for nothing below what the image does not have, nor below a file', async () => {
    const entries = { 'new/a/b': 'directory', 'new/c': 'directory', 'f/d': 'directory' } as const;

    expect((await find(entries, { '/f': file })).asked).toEqual(['/new', '/f']);
  });

  test('asks for nothing where only files come, or directories of the system', async () => {
    const entries = { 'opt/run.sh': 'file', usr: 'directory', 'usr/lib': 'directory', l: 'link' } as const;

    expect((await find(entries, { '/opt': directory, '/usr': directory })).asked).toEqual([]);
  });

  test('looks through directories without an entry of their own, and leaves these alone', async () => {
    const image = { '/usr': directory, '/usr/a': link('/b'), '/b': directory, '/usr/a/c': link('/b') };

    const { linked, asked } = await find({ 'usr/a/c': 'directory' }, image);

    expect(linked).toEqual(['usr/a/c']);
    expect(asked).toEqual(['/usr', '/usr/a', '/b', '/usr/a/c', '/b']);
  });

  test('lets others work while it looks through many places', async () => {
    const entries = Array.from({ length: 50_000 }, (_, index) => [`f${index}`, 'file'] as const);
    const endTurns = countTurns();

    await find(Object.fromEntries(entries), {});

    expect(endTurns()).toBeGreaterThanOrEqual(19);
  });

  test('gives up after its time', async () => {
    await expect(find({ a: 'directory' }, {}, -1)).rejects.toMatchObject({ code: 'content_too_slow' });
  });
});
