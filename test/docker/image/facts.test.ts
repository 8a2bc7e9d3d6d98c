import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { ImageFactsReader } from '../../../src/docker/image/facts.js';
import { type ArchiveItem, tarOf } from '../../support/archives.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { fakeEngine, foundImage } from '../../support/fake-engine.js';

const image = foundImage('a');

/** An engine whose images have these files, by path. */
function engineWith(files: Readonly<Record<string, ArchiveItem>>, given: Partial<Engine> = {}) {
  const names: string[] = [];
  const removed: string[] = [];
  const engine = fakeEngine({
    create: async (name) => {
      names.push(name);
      return name;
    },
    findFile: async (_, path) => {
      const item = files[path];
      return item && Readable.from([await tarOf([item])]);
    },
    remove: async (id) => void removed.push(id),
    ...given,
  });
  return { reader: new ImageFactsReader(engine, settings), names, removed };
}

const folder: ArchiveItem = { name: 'x/', type: 'directory' };
const users = { name: 'users', body: 'root:x:0:0::/:/bin/sh\n' };

function link(linkname: string): ArchiveItem {
  return { name: 'x', type: 'symlink', linkname };
}

/** A file behind links: so many with the one that leads to the last of these. */
function chain(length: number): Record<string, ArchiveItem> {
  const links = Array.from({ length: length - 1 }, (_, index) => [
    `/link${index + 2}`,
    link(`link${index + 1}`),
  ]);
  return { ...Object.fromEntries(links), '/link1': users };
}

describe('ImageFactsReader', () => {
  test('reads both files, and each image once', async () => {
    const { reader, names, removed } = engineWith({
      '/gostint_image.yml': { name: 'gostint_image.yml', body: 'secret_refs: []\n' },
      '/etc/passwd': { name: 'passwd', body: 'root:x:0:0::/:/bin/sh\n' },
    });

    const facts = await Promise.all([reader.read(image), reader.read(image)]);

    expect(facts[0]).toMatchObject({ metadata: 'secret_refs: []\n', passwd: 'root:x:0:0::/:/bin/sh\n' });
    expect(facts[1]).toEqual(facts[0]);
    expect(names).toHaveLength(1);
    expect(removed).toEqual(names);
  });

  test('finds nothing when the path is missing', async () => {
    const { reader } = engineWith({});

    expect(await reader.read(image)).toMatchObject({ metadata: undefined, passwd: undefined });
  });

  test('refuses an image whose files are too large, and removes what it made', async () => {
    const body = Buffer.alloc(64 * 1024 + 1, 0x61);
    const { reader, names, removed } = engineWith({ '/gostint_image.yml': { name: 'x', body } });

    await expect(reader.read(image)).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_unusable',
    });
    expect(removed).toEqual(names);
  });

  test('tries again after a failure', async () => {
    let isFirst = true;
    const { reader } = engineWith(
      {},
      {
        findFile: async () => {
          if (!isFirst) return undefined;
          isFirst = false;
          throw new Error('once');
        },
      },
    );

    await expect(reader.read(image)).rejects.toThrow('once');
    expect(await reader.read(image)).toMatchObject({ metadata: undefined, passwd: undefined });
  });
});

describe('what was found in an image is kept', () => {
  test('but another image is read even where its layers are the same: its directory or a volume may be unusable', async () => {
    const { reader, names } = engineWith({});
    await reader.read(image);

    await reader.read(foundImage('b', {}, { layers: image.layers }));

    expect(names).toHaveLength(2);
  });

  test('but an id is read again whose layers are others after a pull: so an index may be', async () => {
    const { reader, names } = engineWith({});
    await reader.read(image);

    await reader.read({ ...image, layers: ['of another processor'] });

    expect(names).toHaveLength(2);
  });

  test('by its id where an engine shows no layers', async () => {
    const { reader, names } = engineWith({});

    await reader.read({ ...image, layers: [] });
    await reader.read({ ...image, layers: [] });
    await reader.read({ ...image, id: 'b', layers: [] });

    expect(names).toHaveLength(2);
  });
});

describe('a link in an image', () => {
  test.each<[string, Readonly<Record<string, ArchiveItem>>]>([
    [
      'relative',
      { '/etc': folder, '/etc/passwd': link('../nix/users'), '/nix': folder, '/nix/users': users },
    ],
    ['absolute', { '/etc': folder, '/etc/passwd': link('/nix/users'), '/nix': folder, '/nix/users': users }],
    ['longer than the way up', { '/etc': folder, '/etc/passwd': link('../../../users'), '/users': users }],
    ['of several steps', { ...chain(40), '/etc': folder, '/etc/passwd': link('/link40') }],
    [
      'over directories that are links: `..` is where they lead, not where they are named',
      {
        '/etc': link('/nix/a'),
        '/nix': folder,
        '/nix/a': folder,
        '/etc/passwd': link('../b/users'), // As the engine sees it: it follows what is before the last name by itself.
        '/nix/a/passwd': link('../b/users'),
        '/nix/b': link('c/'),
        '/nix/c': folder,
        '/nix/c/users': users,
      },
    ],
  ])('is followed: %s', async (_, files) => {
    const { reader } = engineWith(files);

    expect((await reader.read(image)).passwd).toBe(users.body);
  });

  test.each([
    ['to a place where nothing is', { '/etc': folder, '/etc/passwd': link('../nowhere') }],
    ['below a file', { '/etc': folder, '/etc/passwd': link('/users/x'), '/users': users }],
  ])('%s is no list of users, as for every program', async (_, files) => {
    const { reader } = engineWith(files);

    expect((await reader.read(image)).passwd).toBeUndefined();
  });
});

describe('a file that is there and cannot be read', () => {
  test.each<[string, Readonly<Record<string, ArchiveItem>>, RegExp]>([
    ['metadata behind a link that leads nowhere', { '/gostint_image.yml': link('x') }, /leads nowhere/],
    ['metadata that are a directory', { '/gostint_image.yml': folder }, /to be a file .* got a directory/],
    ['users that are a FIFO', { '/etc/passwd': { name: 'x', type: 'fifo' } }, /to be a file .* got a FIFO/],
    ['links round in a circle', { '/gostint_image.yml': link('b'), '/b': link('gostint_image.yml') }, /40/],
    ['41 links', { ...chain(41), '/gostint_image.yml': link('/link41') }, /40/],
  ])('fails the job: %s', async (_, files, words) => {
    const { reader, names, removed } = engineWith(files);

    const reading = reader.read(image);

    await expect(reading).rejects.toMatchObject({ reason: 'image_unavailable', code: 'image_unusable' });
    await expect(reading).rejects.toThrow(words);
    expect(removed).toEqual(names);
  });

  test('fails the job where the engine itself gives up', async () => {
    const { reader } = engineWith(
      {},
      { findFile: () => Promise.reject(new EngineError('download', 'link_loop', 'too many links')) },
    );

    await expect(reader.read(image)).rejects.toMatchObject({ code: 'image_unusable' });
  });

  test.each(['directory_unusable', 'volume_unusable', 'refused'] as const)(
    'fails the job for an image that the engine makes no container of: %s',
    async (fault) => {
      const create = async () => {
        throw new EngineError('create', fault, 'evalSymlinksInScope: too many links in /x');
      };

      await expect(engineWith({}, { create }).reader.read(image)).rejects.toMatchObject({
        reason: 'image_unavailable',
        code: 'image_unusable',
        message: expect.stringContaining('too many links'),
      });
    },
  );
});
