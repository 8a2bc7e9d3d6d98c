import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import { readContentMetadata } from '../../../src/docker/archive/content.js';
import {
  type ArchiveLimits,
  type ArchiveRules,
  defaultArchiveLimits,
} from '../../../src/docker/archive/rules.js';
import { type ArchiveItem, tarGzOf } from '../../support/archives.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: ['etc/passwd'] };

function hardLink(name: string, linkname: string): ArchiveItem {
  return { name, type: 'link', linkname };
}

function withLimits(limits: Partial<ArchiveLimits>): ArchiveRules {
  return { ...rules, limits: { ...defaultArchiveLimits, ...limits } };
}

async function read(items: readonly ArchiveItem[], using = rules): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { path, kind, mode, target, body } of readArchive(await tarGzOf(items), using)) {
    const text = (await buffer(body)).toString();
    found[path] = kind === 'link' ? `link to ${target}` : `${kind} ${mode.toString(8)} ${text}`;
  }
  return found;
}

describe('a hard link', () => {
  test('to an earlier file becomes a file with the same bytes and mode', async () => {
    const items = [
      { name: 'bin/a', body: 'text', mode: 0o755 },
      { ...hardLink('./bin/b', '/bin/a'), mode: 0 },
      hardLink('c', 'bin/b'),
    ];

    expect(await read(items)).toEqual({
      'bin/a': 'file 755 text',
      'bin/b': 'file 755 text',
      c: 'file 755 text',
    });
  });

  test('to a link becomes a link to the same target', async () => {
    const items: ArchiveItem[] = [{ name: 'a/x', type: 'symlink', linkname: 'b' }, hardLink('a/y', 'a/x')];

    expect(await read(items)).toEqual({ 'a/x': 'link to b', 'a/y': 'link to b' });
  });

  test('has the bytes that its target had when it was packed', async () => {
    const items = [
      { name: 'a', body: 'first' },
      hardLink('b', 'a'),
      { name: 'a', body: 'second' },
      hardLink('c', 'a'),
    ];

    expect(await read(items)).toEqual({
      a: 'file 644 second',
      b: 'file 644 first',
      c: 'file 644 second',
    });
  });

  test('gives way to a file of its name that comes later, and takes the place of an earlier one', async () => {
    const items = [
      { name: 'a', body: 'a' },
      hardLink('b', 'a'),
      { name: 'b', body: 'late' },
      { name: 'c', body: 'early' },
      hardLink('c', 'a'),
    ];

    expect(await read(items)).toEqual({ a: 'file 644 a', b: 'file 644 late', c: 'file 644 a' });
  });

  test('may be what the archive says of itself', async () => {
    const content = await tarGzOf([{ name: 'job.yml', body: 'a: 1' }, hardLink('gostint.yml', 'job.yml')]);

    expect(await readContentMetadata(content, rules)).toBe('a: 1');
  });
});

describe('the copy for a hard link', () => {
  test('of a file too large to keep is read from the archive once more', async () => {
    const body = 'x'.repeat(200_000);
    const items = [{ name: 'a', body }, hardLink('b', 'a'), hardLink('c', 'a'), { name: 'd', body: 'd' }];

    expect(await read(items, withLimits({ keptBytes: 1_000 }))).toEqual({
      a: `file 644 ${body}`,
      b: `file 644 ${body}`,
      c: `file 644 ${body}`,
      d: 'file 644 d',
    });
  });

  test('may be left unread', async () => {
    const paths: string[] = [];
    for await (const { path } of readArchive(
      await tarGzOf([{ name: 'a', body: 'a' }, hardLink('b', 'a'), hardLink('c', 'a')]),
      rules,
    ))
      paths.push(path);

    expect(paths).toEqual(['a', 'b', 'c']);
  });
});

describe('a hard link is refused', () => {
  test.each<[string, ArchiveItem[], string]>([
    [
      'to a file of the image',
      [hardLink('a', 'etc/shadow')],
      'to something that is not before it in the archive',
    ],
    ['to itself', [hardLink('a', 'a')], 'to something that is not before it in the archive'],
    [
      'to a later file',
      [hardLink('a', 'b'), { name: 'b' }],
      'to something that is not before it in the archive',
    ],
    ['up and out', [{ name: 'b' }, hardLink('a', '../b')], 'that leads out'],
    ['to a directory', [{ name: 'd', type: 'directory' }, hardLink('a', 'd')], 'to a directory'],
    ['to a directory that is only implied', [{ name: 'd/x' }, hardLink('a', 'd')], 'to a directory'],
    ['to nothing', [hardLink('a', '.')], 'to nowhere'],
  ])('%s', async (_, items, why) => {
    await expect(read(items)).rejects.toThrow(`"a" (it is a hard link ${why})`);
  });

  test('to a file that was refused itself', async () => {
    await expect(read([{ name: 'dev/x' }, hardLink('a', 'dev/x')])).rejects.toThrow(
      '"dev/x" (its place belongs to the kernel), "a" (it is a hard link to something that is not before it',
    );
  });

  test('to a link that would lead out from its own place', async () => {
    const items: ArchiveItem[] = [
      { name: 'a/b/x', type: 'symlink', linkname: '../../c' },
      hardLink('y', 'a/b/x'),
    ];

    await expect(read(items)).rejects.toThrow('"y" (it is a link that leads out)');
  });

  test('to a link where only a file may be', async () => {
    const items: ArchiveItem[] = [{ name: 'x', type: 'symlink', linkname: 'b' }, hardLink('etc/passwd', 'x')];

    await expect(read(items)).rejects.toThrow('"etc/passwd" (its place belongs to a file of stint)');
  });

  test('where the copies would come to more than an archive may hold', async () => {
    const items = [
      { name: 'a', body: Buffer.alloc(3_000, 1) },
      ...Array.from({ length: 10 }, (_, index) => hardLink(`l${index}`, 'a')),
    ];

    await expect(read(items, withLimits({ plainBytes: 20_000 }))).rejects.toMatchObject({
      code: 'content_too_large',
    });
    await expect(read(items, withLimits({ ratio: 20, ratioFreeBytes: 10_000 }))).rejects.toMatchObject({
      code: 'content_too_dense',
    });
  });
});
