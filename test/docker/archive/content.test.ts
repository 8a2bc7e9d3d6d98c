import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readContentMetadata } from '../../../src/docker/archive/content.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { tarGzOf, tarOf } from '../../support/archives.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: [] };

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
