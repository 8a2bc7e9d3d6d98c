// What a program lacks that is there and cannot be started.
import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLoader } from '../../../src/docker/program/elf.js';
import { findMissing, type Program } from '../../../src/docker/program/missing-part.js';

/** Looks for a program among files, by path. */
async function find(files: Readonly<Record<string, string | Buffer>>, program: Partial<Program>) {
  const looked: string[] = [];
  const look = async (path: string) => {
    looked.push(path);
    const file = files[path];
    return file === undefined
      ? undefined
      : { kind: 'file' as const, size: file.length, bytes: Buffer.from(file) };
  };
  const full = { name: '/x', workingDirectory: '/', path: undefined, ...program };
  return { missing: await findMissing(look, full), looked };
}

/** The head of a program with one header, which names a loader. */
function programFor(loader: string, { is64 = true, isBigEndian = false } = {}): Buffer {
  const head = Buffer.alloc(512);
  const write = (value: number, at: number, bytes: 2 | 4 | 8) => {
    const low = isBigEndian && bytes === 8 ? at + 4 : at;
    const size = Math.min(bytes, 4);
    return isBigEndian ? head.writeUIntBE(value, low, size) : head.writeUIntLE(value, low, size);
  };
  head.write('\x7fELF', 'latin1');
  head[4] = is64 ? 2 : 1;
  head[5] = isBigEndian ? 2 : 1;
  const fields: [number, number, 2 | 4 | 8][] = is64
    ? [
        [64, 32, 8],
        [56, 54, 2],
        [1, 56, 2],
        [3, 64, 4],
        [200, 72, 8],
        [loader.length + 1, 96, 8],
      ]
    : [
        [52, 28, 4],
        [32, 42, 2],
        [1, 44, 2],
        [3, 52, 4],
        [200, 56, 4],
        [loader.length + 1, 68, 4],
      ];
  for (const field of fields) write(...field);
  head.write(loader, 200);
  return head;
}

describe('findMissing', () => {
  test('finds nothing of a program that is nowhere on the PATH', async () => {
    const { missing, looked } = await find({}, { name: 'x', path: '/a::b', workingDirectory: '/w' });

    expect(missing).toEqual({ kind: 'program' });
    expect(looked).toEqual(['/a/x', '/w/x', '/w/b/x']);
  });

  test('names the interpreter that a script, or the script that is its interpreter, asks for', async () => {
    const files = { '/x': '#! /y  -e\n', '/y': '#!z', '/w/z': 'no script' };

    expect((await find({ '/x': '#!\t/y -e' }, {})).missing).toMatchObject({
      kind: 'part',
      why: expect.stringContaining('the interpreter "/y"'),
    });
    expect((await find(files, {})).missing).toMatchObject({ why: expect.stringContaining('"z"') });
    expect((await find(files, { workingDirectory: '/w' })).missing).toEqual({ kind: 'unknown' });
  });

  test('knows Windows line ends only where they change the name of the interpreter', async () => {
    const why = expect.stringContaining('Windows');

    expect((await find({ '/x': '#!/bin/sh\r\necho\r\n' }, {})).missing).toMatchObject({ why });
    expect((await find({ '/x': '#!/bin/sh -e\r\n' }, {})).missing).not.toMatchObject({ why });
  });

  test('ends where interpreters go round in a circle', async () => {
    expect((await find({ '/x': '#!/x\n' }, {})).missing).toEqual({ kind: 'unknown' });
  });

  test.each([{}, { is64: false }, { isBigEndian: true }, { is64: false, isBigEndian: true }])(
    'names the loader that a program was built for (%o)',
    async (kind) => {
      const { missing } = await find({ '/x': programFor('/lib/ld-musl.so.1', kind) }, {});

      expect(missing).toMatchObject({ why: expect.stringContaining('the loader "/lib/ld-musl.so.1"') });
    },
  );

  test('says nothing of a program whose loader is there', async () => {
    const files = { '/x': programFor('/lib/ld.so'), '/lib/ld.so': programFor('') };

    expect((await find(files, {})).missing).toEqual({ kind: 'unknown' });
  });
});

test('a loader is read out of any bytes without an error', () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (bytes) => {
      const loader = readLoader(Buffer.concat([Buffer.from('\x7fELF', 'latin1'), bytes]));

      expect(loader === undefined || typeof loader === 'string').toBe(true);
    }),
  );
});
