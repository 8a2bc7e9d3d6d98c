import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { extract, type Header } from 'tar-stream';
import { describe, expect, test, vi } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import type { ArchiveEntry } from '../../../src/docker/archive/entry.js';
import { repack } from '../../../src/docker/archive/repack.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { encodeHeader } from '../../../src/docker/tar/new-header.js';
import { type ArchiveItem, tarGzOf } from '../../support/archives.js';
import { watchOldSpace } from '../../support/old-space.js';
import { archiveOf, headerBlock } from '../../support/tar-blocks.js';
import { read } from '../tar/reading.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: ['etc/passwd'] };

const emptyFile = { name: 'a', kind: 'file', mode: 0o644, uid: 1, gid: 1, modifiedAt: new Date(0) } as const;

interface Unpacked {
  readonly header: Header;
  readonly body: string;
}

async function unpack(tar: Buffer): Promise<Unpacked[]> {
  const reader = extract();
  reader.end(tar);
  const found: Unpacked[] = [];
  for await (const source of reader) {
    const body = await buffer(source as AsyncIterable<Uint8Array>);
    found.push({ header: source.header, body: body.toString() });
  }
  return found;
}

async function repackItems(
  items: readonly ArchiveItem[],
  additions: Parameters<typeof repack>[1] = {},
): Promise<Unpacked[]> {
  return await unpack(await buffer(repack(readArchive(await tarGzOf(items), rules), additions)));
}

function bodies(unpacked: readonly Unpacked[]): Record<string, string> {
  return Object.fromEntries(unpacked.map(({ header, body }) => [header.name, body]));
}

async function* entry(body: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const modifiedAt = new Date(0);
  yield {
    path: 'a',
    kind: 'file',
    mode: 0o644,
    sizeBytes: 64 * 1024 * 1024,
    modifiedAt,
    target: undefined,
    body,
  };
}

describe('repack', () => {
  test('writes new headers: no special bits, foreign owner or extended attribute', async () => {
    const pax = { 'SCHILY.xattr.user.x': 'y' };
    const [file] = await repackItems([{ name: './a', body: 'x', mode: 0o6751, uid: 0, uname: 'root', pax }]);

    expect(file?.header).toMatchObject({
      name: 'a',
      mode: 0o751,
      uid: 2001,
      gid: 2001,
      uname: '',
      pax: null,
    });
  });

  test('keeps bodies, directories and links', async () => {
    const big = 'b'.repeat(300_000);
    const found = await repackItems([
      { name: 'data/', type: 'directory', mode: 0o750 },
      { name: 'data/big', body: big },
      { name: 'data/link', type: 'symlink', linkname: 'big' },
    ]);

    expect(found.map(({ header }) => [header.name, header.type, header.linkname])).toEqual([
      ['data', 'directory', null],
      ['data/big', 'file', null],
      ['data/link', 'symlink', 'big'],
    ]);
    expect(found[1]?.body).toBe(big);
  });

  test('leaves system directories to the image, and leaves out the given paths', async () => {
    const items = [
      { name: 'etc/', type: 'directory' as const },
      { name: 'etc/passwd' },
      { name: 'etc/mine' },
    ];

    const found = await repackItems(items, { leftOut: ['etc/passwd'] });

    expect(Object.keys(bodies(found))).toEqual(['etc/mine']);
  });

  test('puts our files last and leaves out entries at their paths', async () => {
    const own = { path: 'etc/passwd', bytes: Buffer.from('ours'), mode: 0o444, uid: 0, gid: 0 };

    const found = await repackItems([{ name: 'etc/passwd', body: 'theirs' }, { name: 'z' }], {
      extras: [own],
    });

    expect(Object.entries(bodies(found))).toEqual([
      ['z', ''],
      ['etc/passwd', 'ours'],
    ]);
    expect(found[1]?.header).toMatchObject({ mode: 0o444, uid: 0, gid: 0 });
  });
});

describe('what repack writes', () => {
  test.each([
    ['no mode at all', { mode: 0o4000 }, { mode: 0o400 }],
    ['a time before all', { mtime: new Date(-5_000) }, { mtime: new Date(0) }],
  ])('for %s is something that the engine takes', async (_, item, header) => {
    const [found] = await repackItems([{ name: 'a', body: 'x', ...item }]);

    expect(found?.header).toMatchObject(header);
  });

  test.each([
    ['a long name', { name: `${'n'.repeat(90)}/${'m'.repeat(90)}` }],
    ['a name whose length has more digits with itself', { name: 'n'.repeat(90).padStart(94 + 100, 'a/') }],
    ['letters of more than one byte', { name: 'ж/字/😀' }],
    ['a long target', { name: 'l', type: 'symlink' as const, linkname: `${'t'.repeat(120)}/字` }],
    ['a directory with a long name', { name: 'd'.repeat(150), type: 'directory' as const }],
  ])('for %s is read by others and by us', async (_, item) => {
    const tar = await buffer(repack(readArchive(await tarGzOf([item, { name: 'z', body: 'z' }]), rules), {}));
    const { name, linkname = null } = item as { name: string; linkname?: string };

    const found = await unpack(tar);

    expect(found.map(({ header }) => [header.name, header.linkname])).toEqual([
      [name, linkname],
      ['z', null],
    ]);
    expect((await read(tar)).map((member) => [member.name, member.target])).toEqual([
      [name, linkname ?? ''],
      ['z', ''],
    ]);
  });

  test('for a file of more than 8 GiB gives its size', async () => {
    const reader = extract();
    const found = once(reader, 'entry');

    reader.write(encodeHeader({ ...emptyFile, sizeBytes: 8 ** 11 }));

    expect((await found)[0]).toMatchObject({ name: 'a', size: 8 ** 11 });
    reader.destroy();
  });
});

test.each([
  [2_097_151, '7777777\0', ''],
  [2_097_152, '7777777\0', '15 uid=2097152\n15 gid=2097152\n'],
])('the owner %i of a file of ours is written where there is room for it', async (id, field, records) => {
  const own = { path: 'own', bytes: Buffer.from('x'), mode: 0o400, uid: id, gid: id };
  const none = readArchive(archiveOf(), rules);

  const tar = (await buffer(repack(none, { extras: [own] }))).toString('latin1');

  const header = tar.indexOf('own\0');
  expect(tar.slice(header + 108, header + 124)).toBe(field + field);
  expect(tar.slice(0, header).includes(records)).toBe(true);
});

describe('the stream of repack', () => {
  test('of two thousand files without a byte comes in few pieces', async () => {
    const headers = Array.from({ length: 2_000 }, (_, index) => headerBlock({ name: `f${index}` }));
    const tar = repack(readArchive(archiveOf(...headers), rules), {});
    const sizes: number[] = [];

    for await (const piece of tar) sizes.push((piece as Buffer).length);

    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(512 * 2_000 + 1024);
    expect(sizes.length).toBeLessThan(20);
  });

  test('of very many small entries makes nothing that V8 would keep for long', async () => {
    const names = Array.from({ length: 40_000 }, (_, index) => `d${index % 100}/f${index}`);
    const archive = archiveOf(...names.map((name) => encodeHeader({ ...emptyFile, name })));
    await buffer(repack(readArchive(archive, rules), {})); // Compiles.
    const grown = watchOldSpace();
    let most = 0;

    for await (const _ of repack(readArchive(archive, rules), {})) most = Math.max(most, grown());

    expect(most).toBeLessThan(6 * 1024 * 1024);
  });

  test('fails with the error of its entries', async () => {
    const failing = repackItems([{ name: 'good', body: 'x' }, { name: '../bad' }]);

    await expect(failing).rejects.toMatchObject({ code: 'content_entries_refused' });
  });

  test('stops its entries when the reader stops', async () => {
    const ended = vi.fn<() => void>();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        ended();
      }
    }
    const tar = repack(entry(endless()), {});
    await new Promise((resolve) => tar.once('readable', resolve));

    tar.destroy();

    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
  });
});
