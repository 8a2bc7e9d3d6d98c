import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { tarGzOf, tarOf } from '../../support/archives.js';
import { archiveOf, headerBlock } from '../../support/tar-blocks.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: [] };

async function paths(content: Uint8Array): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of readArchive(content, rules)) found.push(path);
  return found;
}

describe('behind an archive', () => {
  const item = { name: 'a', body: 'text' };
  const incompressible = Buffer.from(Array.from({ length: 999 }, (_, index) => (index * index * 7919) % 251));

  test.each([
    ['text', Buffer.from('behind\n'.repeat(500))],
    ['another archive', archiveOf(headerBlock({ name: 'b' }))],
    ['zeros', Buffer.alloc(10_000)],
  ])('%s is ignored, compressed with it or not', async (_, more) => {
    const archive = Buffer.concat([await tarOf([item]), more]);

    expect(await paths(archive)).toEqual(['a']);
    expect(await paths(gzipSync(archive))).toEqual(['a']);
  });

  test.each([
    ['text', Buffer.from('behind\n')],
    ['one byte', Buffer.from('\n')],
    ['zeros', Buffer.alloc(1_000)],
    ['a second compressed piece', gzipSync('more')],
    ['what begins like a compressed piece', Buffer.from([0x1f, 0x8b, 0x20, 0x20])],
  ])('%s is ignored where it is not part of what was compressed', async (_, more) => {
    expect(await paths(Buffer.concat([await tarGzOf([item]), more]))).toEqual(['a']);
  });

  test('thousands of compressed pieces are read where they hold something, and refused where they hold next to nothing', async () => {
    const archive = await tarOf([{ name: 'a', body: Buffer.alloc(6_000_000) }]);
    const pieces = Array.from({ length: 1_400 }, (_, index) =>
      gzipSync(archive.subarray(index * 4_400, (index + 1) * 4_400)),
    );
    const empty = Array.from({ length: 1_001 }, () => gzipSync(''));

    expect(await paths(Buffer.concat(pieces))).toEqual(['a']);
    await expect(paths(Buffer.concat([...empty, gzipSync(archive)]))).rejects.toThrow(
      'Could not read `content`: it is compressed in too many pieces.',
    );
  });

  test('the checksum of what was compressed is not ignored', async () => {
    const content = await tarGzOf([{ name: 'a', body: incompressible }]);
    const damaged = Buffer.from(content);
    damaged.writeUInt32LE(12_345, damaged.byteLength - 8);

    await expect(paths(damaged)).rejects.toMatchObject({ code: 'content_damaged' });
    for (const missing of [1, 4, 8])
      await expect(paths(content.subarray(0, -missing))).rejects.toMatchObject({ code: 'content_truncated' });
  });
});
