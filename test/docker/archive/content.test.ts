import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readContentMetadata } from '../../../src/docker/archive/content.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { ByteReader } from '../../../src/docker/tar/byte-reader.js';
import { tarGzOf, tarOf } from '../../support/archives.js';
import { archiveOf, headerBlock } from '../../support/tar-blocks.js';
import { countTurns } from '../../support/turns.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: [] };

afterEach(() => vi.restoreAllMocks());

describe('readContentMetadata', () => {
  test.each(['gostint.yml', './gostint.yml', './/./gostint.yml'])(
    'finds the text under the name %s',
    async (name) => {
      const content = await tarOf([
        { name: 'a', body: 'x'.repeat(100_000) },
        { name, body: 'ü: 1\n' },
        { name: 'z' },
      ]);

      expect(await readContentMetadata(content, rules)).toBe('ü: 1\n');
    },
  );

  test('finds nothing when the name is a directory', async () => {
    const content = await tarGzOf([{ name: 'gostint.yml', type: 'directory' }]);

    expect(await readContentMetadata(content, rules)).toBeUndefined();
  });

  test('refuses a text that is too long', async () => {
    const content = await tarGzOf([{ name: 'gostint.yml', body: 'a'.repeat(64 * 1024 + 1) }]);

    await expect(readContentMetadata(content, rules)).rejects.toThrow(
      'Expected `gostint.yml` of the content to be at most 65536 bytes long, got more.',
    );
  });

  test('refuses a text that is not UTF-8', async () => {
    const content = await tarGzOf([{ name: 'gostint.yml', body: Uint8Array.of(0xff, 0xfe, 0x41) }]);

    await expect(readContentMetadata(content, rules)).rejects.toMatchObject({
      reason: 'content_refused',
      code: 'metadata_invalid',
    });
  });

  test('names a refused entry that comes after the text', async () => {
    const content = await tarGzOf([{ name: 'gostint.yml', body: 'a: 1' }, { name: '../out' }]);

    await expect(readContentMetadata(content, rules)).rejects.toThrow(
      /"\.\.\/out" \(its name holds `\.\.`\)/,
    );
  });

  test.each([
    ['plain', tarOf],
    ['compressed', tarGzOf],
  ])('refuses at once what is too large, %s', async (_, make) => {
    const limits = { ...defaultArchiveLimits, plainBytes: 1024 * 1024 };
    const content = await make([{ name: 'small' }, { name: 'zeros', body: Buffer.alloc(8 * 1024 * 1024) }]);

    await expect(readContentMetadata(content, { ...rules, limits })).rejects.toMatchObject({
      code: 'content_too_large',
    });
  });

  test('refuses a bomb by the size it unpacks to, whatever its headers say', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));

    await expect(readContentMetadata(bomb, rules)).rejects.toMatchObject({ code: 'content_too_dense' });
  });
});

/** A hard link. */
function link(name: string, linkname: string) {
  return { name, type: 'link' as const, linkname };
}

describe('what readContentMetadata costs', () => {
  test('finds the text where the name is a hard link, and reads no other hard link for it', async () => {
    const content = await tarOf([
      { name: 'other', body: 'other' },
      { name: 'a', body: 'b: 1\n' },
      link('gostint.yml', 'a'),
      ...Array.from({ length: 100 }, (_, index) => link(`l${index}`, 'other')),
    ]);
    const streams = vi.spyOn(ByteReader.prototype, 'stream');

    expect(await readContentMetadata(content, rules)).toBe('b: 1\n');
    expect(streams.mock.calls.filter(([bytes]) => bytes > 0).length).toBeLessThan(5);
  });

  test('lets others work after each 64 KiB of an archive of nothing but headers', async () => {
    const headers = Array.from({ length: 4_096 }, (_, index) => headerBlock({ name: `f${index}` }));
    const endTurns = countTurns();

    await readContentMetadata(archiveOf(...headers), rules);

    expect(endTurns()).toBeGreaterThanOrEqual(32);
  });
});
