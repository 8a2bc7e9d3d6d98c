import { describe, expect, test } from 'vitest';
import { TarDamaged, TarHeadersTooLong } from '../../../src/docker/tar/damaged.js';
import { archiveOf, bodyBlocks, headerBlock, octal, paxBlocks } from '../../support/tar-blocks.js';
import { read } from './reading.js';

const whole = `ab${'\0'.repeat(998)}cd${'\0'.repeat(1_000)}`;
const stored = bodyBlocks('abcd');
const pieces = ['0', '2', '1000', '2'];

/** The table of the old format: offset and length of each piece. */
function table(numbers: readonly number[]): string {
  return numbers.map((number) => octal(number, 12)).join('');
}

/** The same file in each of them. */
const formats: readonly (readonly [string, () => Buffer[]])[] = [
  [
    'the old format',
    () => [
      headerBlock({
        type: 'S',
        size: 4,
        family: 'gnu',
        more: { 386: table([0, 2, 1_000, 2]), 483: octal(2_002, 12) },
      }),
      stored,
    ],
  ],
  [
    'the old format, continued in a block of its own',
    () => [
      headerBlock({
        type: 'S',
        size: 4,
        family: 'gnu',
        more: { 386: table([0, 1, 1, 0, 1, 0, 1, 1]), 482: '\x01', 483: octal(2_002, 12) },
      }),
      Buffer.concat([Buffer.from(table([1_000, 2, 2_002, 0])), Buffer.alloc(512 - 48)]),
      stored,
    ],
  ],
  [
    'format 0.0',
    () => [
      paxBlocks([
        ['GNU.sparse.size', '2002'],
        ['GNU.sparse.numblocks', '2'],
        ...pieces.map((number, index): [string, string] => [
          `GNU.sparse.${index % 2 === 0 ? 'offset' : 'numbytes'}`,
          number,
        ]),
      ]),
      headerBlock({ size: 4 }),
      stored,
    ],
  ],
  [
    'format 0.1',
    () => [
      paxBlocks([
        ['GNU.sparse.size', '2002'],
        ['GNU.sparse.map', pieces.join(',')],
      ]),
      headerBlock({ size: 4 }),
      stored,
    ],
  ],
  [
    'format 1.0',
    () => [
      paxBlocks([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', 'a'],
        ['GNU.sparse.realsize', '2002'],
      ]),
      headerBlock({ name: 'GNUSparseFile.1/a', size: 516 }),
      bodyBlocks(`2\n${pieces.join('\n')}\n`),
      stored,
    ],
  ],
];

describe('a sparse file', () => {
  test.each(formats)('of %s is whole again', async (_, parts) => {
    const found = await read(archiveOf(...parts(), headerBlock({ name: 'next' })));

    expect(found).toMatchObject([
      { name: 'a', type: 'file', sizeBytes: 2_002, text: whole },
      { name: 'next' },
    ]);
  });

  test.each([
    ['more bytes than it has', '1000', '0,2,500,3'],
    ['fewer bytes than it has', '1000', '0,2'],
    ['pieces beside the file', '100', '0,2,99,2'],
    ['pieces that lie over each other', '1000', '0,2,1,2'],
    ['half a piece', '1000', '0,2,500'],
    ['no numbers', '1000', 'a,b'],
    ['numbers beyond all', '99999999999999999999', '0,4'],
  ])('whose list tells of %s is damaged', async (_, size, map) => {
    const parts = [
      paxBlocks([
        ['GNU.sparse.size', size],
        ['GNU.sparse.map', map],
      ]),
      headerBlock({ size: 4 }),
      stored,
    ];

    await expect(read(archiveOf(...parts))).rejects.toBeInstanceOf(TarDamaged);
  });

  test('without its length is damaged', async () => {
    const parts = [paxBlocks([['GNU.sparse.major', '1']]), headerBlock({ size: 4 }), stored];

    await expect(read(archiveOf(...parts))).rejects.toBeInstanceOf(TarDamaged);
  });

  test('with a list that does not end is refused before it is read', async () => {
    const continued = Buffer.concat([Buffer.alloc(504), Buffer.from('\x01'), Buffer.alloc(7)]);
    const old = headerBlock({ type: 'S', size: 0, family: 'gnu', more: { 482: '\x01', 483: octal(1, 12) } });
    const newest = [
      paxBlocks([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.realsize', '4'],
      ]),
      headerBlock({ size: 100_000 }),
      Buffer.from(`${'9'.repeat(9)}\n`.padEnd(100_000, '1\n')),
    ];

    await expect(read(archiveOf(old, ...Array.from({ length: 20 }, () => continued)))).rejects.toBeInstanceOf(
      TarHeadersTooLong,
    );
    await expect(read(archiveOf(...newest))).rejects.toBeInstanceOf(TarHeadersTooLong);
  });
});
