import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../src/docker/tar/byte-reader.js';
import { TarCutOff, TarDamaged, TarHeadersTooLong } from '../../../src/docker/tar/damaged.js';
import { MemberReader } from '../../../src/docker/tar/members.js';
import { archiveOf, bodyBlocks, headerBlock, paxBlocks } from '../../support/tar-blocks.js';
import { chunksOf, limits, read } from './reading.js';

describe('headers', () => {
  test.each([
    ['version 7, without any mark', { family: 'v7' }],
    ['ustar', { family: 'ustar' }],
    ['GNU', { family: 'gnu' }],
    ['version 7 with NUL as its type', { family: 'v7', type: '\0' }],
    ['a contiguous file', { type: '7' }],
    ['a checksum of signed bytes', { name: 'ä', signedSum: true }],
    ['numbers between blanks', { size: '         4 \0' }],
    ['a binary number', { size: Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]).toString('latin1') }],
  ] as const)('of %s are read', async (_, fields) => {
    const { size = 4, ...rest } = fields as { size?: string };
    const more = size === 4 ? {} : { 124: Buffer.from(size, 'latin1') };
    const block = headerBlock({ size: 4, more, ...rest });

    const [found] = await read(archiveOf(block, bodyBlocks('text')));

    expect(found).toMatchObject({ type: 'file', text: 'text' });
  });

  test.each([1, 511, 512, 513, 100_000])('are found in chunks of %i bytes', async (chunkBytes) => {
    const archive = archiveOf(headerBlock({ size: 4 }), bodyBlocks('text'), headerBlock({ name: 'b' }));

    expect((await read(archive, chunkBytes)).map(({ name, text }) => [name, text])).toEqual([
      ['a', 'text'],
      ['b', ''],
    ]);
  });

  test('of star keep times where ustar goes on with its prefix', async () => {
    const more = { 345: 'above', 476: '14707041774 ', 508: 'tar\0' };

    expect(await read(archiveOf(headerBlock({ more })))).toMatchObject([{ name: 'above/a' }]);
  });

  test.each(['0', '\0', '7'])('of type %j make a directory of a name that ends in a slash', async (type) => {
    const archive = archiveOf(headerBlock({ name: 'd/', type, family: 'v7' }));

    expect(await read(archive)).toMatchObject([{ name: 'd/', type: 'directory' }]);
  });

  test.each(['1', '2', '3', '4', '5', '6'])(
    'of type %s have no body, whatever size they tell',
    async (type) => {
      const archive = archiveOf(
        headerBlock({ type, size: 4_000, target: 'b' }),
        headerBlock({ name: 'next' }),
      );

      expect((await read(archive)).map(({ name }) => name)).toEqual(['a', 'next']);
    },
  );

  test('of labels, of whole archives and lists of directories give no entry and no body', async () => {
    const archive = archiveOf(
      headerBlock({ name: 'backup', type: 'V' }),
      paxBlocks(
        [
          ['comment', 'c0ffee'],
          ['path', 'everything'],
        ],
        'g',
      ),
      headerBlock({ name: 'd/', type: 'D', size: 6, family: 'gnu' }),
      bodyBlocks('Yfile\0'),
      headerBlock({ name: 'z' }),
    );

    expect(await read(archive)).toMatchObject([{ name: 'd/', type: 'directory' }, { name: 'z' }]);
  });
});

/** A long name or target as GNU tar writes it. */
function longBlocks(type: 'L' | 'K', text: string): Buffer[] {
  const header = headerBlock({ name: '././@LongLink', type, size: text.length + 1, family: 'gnu' });
  return [header, bodyBlocks(`${text}\0`)];
}

describe('extended headers', () => {
  test('give name, target and size of the next entry, and of no other', async () => {
    const records: [string, string][] = [
      ['path', 'ünder/a'],
      ['linkpath', 'to'],
      ['size', '4'],
    ];
    const archive = archiveOf(
      paxBlocks(records),
      headerBlock({ name: 'short', size: 0 }),
      bodyBlocks('text'),
      headerBlock({ name: 'b' }),
    );

    expect(await read(archive)).toEqual([
      { name: 'ünder/a', type: 'file', target: 'to', sizeBytes: 4, text: 'text' },
      { name: 'b', type: 'file', target: '', sizeBytes: 0, text: '' },
    ]);
  });

  test("of GNU's own kind give long names and targets", async () => {
    const long = 'n'.repeat(150);
    const archive = archiveOf(
      ...longBlocks('L', long),
      ...longBlocks('K', `${long}/t`),
      headerBlock({ type: '2', family: 'gnu' }),
    );

    expect(await read(archive)).toMatchObject([{ name: long, type: 'link', target: `${long}/t` }]);
  });

  test.each([
    ['no length', 'path=a\n'],
    ['a length that is too short', '1 path=a\n'],
    ['a length beyond the end', '99 path=a\n'],
    ['no key', '7 path\n'],
    ['a rest without a blank', '6 a=b\nxyz'],
    ['a length of nothing', '0 a=b\n'],
    ['a length before its blank', '6 a=b\n1 a=b\n'],
    ['a length without end', `${'9'.repeat(40)} a=b\n`],
  ])('with %s are damaged', async (_, text) => {
    const archive = archiveOf(
      headerBlock({ type: 'x', size: text.length }),
      bodyBlocks(text),
      headerBlock({}),
    );

    await expect(read(archive)).rejects.toBeInstanceOf(TarDamaged);
  });

  test('that never come to an entry are refused at once, before they are read', async () => {
    const many = Array.from({ length: 20 }, () => paxBlocks([['comment', 'x']]));
    const large = headerBlock({ type: 'L', size: 1_000_000_000 });

    await expect(read(archiveOf(...many))).rejects.toBeInstanceOf(TarHeadersTooLong);
    await expect(read(archiveOf(large))).rejects.toBeInstanceOf(TarHeadersTooLong);
  });
});

test('a member that is at hand is there at once: nothing waits but for the next chunk', async () => {
  const headers = Array.from({ length: 1_000 }, (_, index) => headerBlock({ name: `f${index}` }));
  const bodies = [headerBlock({ name: 'body', size: 600 }), bodyBlocks('x'.repeat(600))];
  const archive = archiveOf(...headers, ...bodies, headerBlock({ name: 'last' }));
  const members = new MemberReader(new ByteReader(chunksOf(archive, archive.length / 2)), limits);
  const found: (string | undefined)[] = [];
  let waits = 0;

  for (;;) {
    const next = members.next();
    if (next instanceof Promise) waits++;
    const member = await next;
    if (member === undefined) break;
    found.push(member.name);
  }

  expect(found).toHaveLength(1_002);
  expect(waits).toBe(2);
});

describe('the end', () => {
  test('is a block of zeros, whatever lies behind', async () => {
    const archive = archiveOf(headerBlock({}), Buffer.alloc(512), Buffer.from('behind'.repeat(200)));

    expect(await read(archive)).toHaveLength(1);
  });

  test.each([
    ['without a mark', headerBlock({})],
    ['in a later header', Buffer.concat([headerBlock({}), headerBlock({}).subarray(0, 100)])],
    ['in a body', headerBlock({ size: 5_000 })],
  ])('%s is no end', async (_, archive) => {
    await expect(read(archive)).rejects.toBeInstanceOf(TarCutOff);
  });

  test('before the first block is whole means that it never was an archive: somebody sent a small text', async () => {
    await expect(read(Buffer.from('no archive'))).rejects.toBeInstanceOf(TarDamaged);
  });
});
