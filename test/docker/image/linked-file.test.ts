import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { findLinkedFile, TooManyLinks } from '../../../src/docker/image/linked-file.js';
import { type ArchiveItem, tarOf } from '../../support/archives.js';

test('a way through more directories than any real one has ends, each costs a request to the engine', async () => {
  let asked = 0;
  const items: Record<string, ArchiveItem> = {
    '/file': { name: 'file', type: 'symlink', linkname: `${'d/../'.repeat(800)}file` },
    '/d': { name: 'd/', type: 'directory' },
  };
  const engine = {
    findFile: async (_: string, path: string) => {
      asked++;
      const item = items[path];
      return item && Readable.from([await tarOf([item])]);
    },
  };

  const finding = findLinkedFile({ engine, containerId: 'c', mostBytes: 100 }, '/file');

  await expect(finding).rejects.toBeInstanceOf(TooManyLinks);
  expect(asked).toBeLessThan(1_100);
});
