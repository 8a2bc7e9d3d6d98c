import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { ImageFactsReader } from '../../../src/docker/image/facts.js';
import { type ArchiveItem, tarOf } from '../../support/archives.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { fakeEngine } from '../../support/fake-engine.js';

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

describe('ImageFactsReader', () => {
  test('reads both files, and each image once', async () => {
    const { reader, names, removed } = engineWith({
      '/gostint_image.yml': { name: 'gostint_image.yml', body: 'secret_refs: []\n' },
      '/etc/passwd': { name: 'passwd', body: 'root:x:0:0::/:/bin/sh\n' },
    });

    const facts = await Promise.all([reader.read('a'), reader.read('a')]);

    expect(facts[0]).toEqual({ metadata: 'secret_refs: []\n', passwd: 'root:x:0:0::/:/bin/sh\n' });
    expect(facts[1]).toBe(facts[0]);
    expect(names).toHaveLength(1);
    expect(removed).toEqual(names);
  });

  test('finds nothing when the path is missing or is no file', async () => {
    const { reader } = engineWith({ '/etc/passwd': { name: 'passwd', type: 'symlink', linkname: '../x' } });

    expect(await reader.read('a')).toEqual({ metadata: undefined, passwd: undefined });
  });

  test('refuses an image whose files are too large, and removes what it made', async () => {
    const body = Buffer.alloc(64 * 1024 + 1, 0x61);
    const { reader, names, removed } = engineWith({ '/gostint_image.yml': { name: 'x', body } });

    await expect(reader.read('a')).rejects.toMatchObject({
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

    await expect(reader.read('a')).rejects.toThrow('once');
    expect(await reader.read('a')).toEqual({ metadata: undefined, passwd: undefined });
  });
});
