import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import {
  type ArchiveLimits,
  type ArchiveRules,
  defaultArchiveLimits,
} from '../../../src/docker/archive/rules.js';
import { JobFailedError } from '../../../src/job/errors.js';
import { type ArchiveItem, tarGzOf, tarOf } from '../../support/archives.js';
import { archiveOf, bodyBlocks, headerBlock } from '../../support/tar-blocks.js';

function rulesWith(limits: Partial<ArchiveLimits> = {}): ArchiveRules {
  return { limits: { ...defaultArchiveLimits, ...limits }, allowLinks: true, ownFiles: ['etc/passwd'] };
}

/** Reads all and returns path and length of each entry. */
async function read(content: Uint8Array, limits: Partial<ArchiveLimits> = {}): Promise<[string, number][]> {
  const found: [string, number][] = [];
  for await (const { path, body } of readArchive(content, rulesWith(limits))) {
    let length = 0;
    for await (const chunk of body) length += chunk.byteLength;
    found.push([path, length]);
  }
  return found;
}

describe('readArchive', () => {
  test.each([
    ['plain', tarOf],
    ['compressed', tarGzOf],
  ])('reads a %s archive whatever the size of its entries', async (_, make) => {
    const items = [0, 1, 511, 512, 513, 300_000].map((size) => ({
      name: `f${size}`,
      body: Buffer.alloc(size, 7),
    }));

    expect(await read(await make(items))).toEqual(items.map(({ name, body }) => [name, body.byteLength]));
  });

  test('continues when a body is not read', async () => {
    const content = await tarGzOf([{ name: 'a', body: Buffer.alloc(400_000) }, { name: 'b' }]);
    const paths: string[] = [];

    for await (const { path } of readArchive(content, rulesWith())) paths.push(path);

    expect(paths).toEqual(['a', 'b']);
  });

  test('may be stopped in the middle', async () => {
    const content = await tarGzOf([{ name: 'a', body: Buffer.alloc(4_000_000, 1) }, { name: 'b' }]);

    for await (const { path } of readArchive(content, rulesWith())) {
      expect(path).toBe('a');
      break;
    }
  });

  test('leaves out the root and takes an archive with nothing else', async () => {
    expect(await read(await tarGzOf([{ name: './', type: 'directory' }]))).toEqual([]);
  });

  test('yields the accepted entries and names all others at the end', async () => {
    const items: ArchiveItem[] = [
      { name: '../out' },
      { name: 'good' },
      { name: 'dev/null', type: 'character-device' },
      { name: 'good/', type: 'directory' },
    ];

    await expect(read(await tarGzOf(items))).rejects.toThrow(
      'Could not accept 3 entries of `content`: "../out" (its name holds `..`), "dev/null" (it is a device), "good/" (its name belongs to a file of the archive already). Leave them out of the archive.',
    );
  });

  test('names no more than twenty', async () => {
    const items = Array.from({ length: 25 }, (_, index) => ({ name: `dev/x${index}` }));

    await expect(read(await tarOf(items))).rejects.toThrow(/"dev\/x19" .* and 5 more\. Leave/);
  });
});

function refused(code: string) {
  return { reason: 'content_refused', code };
}

describe('readArchive refuses', () => {
  test.each([
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ])('%s by its name', async (name, bytes) => {
    await expect(read(Uint8Array.from(bytes))).rejects.toThrow(`compressed with gzip, got ${name}.`);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello '.repeat(200))],
    ['text in gzip', gzipSync('hello '.repeat(200))],
    ['damaged gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff])],
  ])('%s as damaged', async (_, content) => {
    await expect(read(content)).rejects.toMatchObject(refused('content_damaged'));
  });

  test.each([
    ['in the compressed bytes', (whole: Buffer) => gzipSync(whole).subarray(0, -20)],
    ['in a body', (whole: Buffer) => whole.subarray(0, 1_000)],
    ['before its end mark', (whole: Buffer) => whole.subarray(0, -1_024)],
  ])('an archive that is cut off %s', async (_, damage) => {
    const whole = await tarOf([{ name: 'a', body: Buffer.alloc(2_048, 1) }]);

    await expect(read(damage(whole))).rejects.toMatchObject(refused('content_truncated'));
  });

  test.each([
    ['too many entries', 'content_too_many_entries', { entries: 2 }],
    ['too much compressed', 'content_too_large', { compressedBytes: 10 }],
    ['too much unpacked', 'content_too_large', { plainBytes: 4_000 }],
    ['too much at once', 'content_too_dense', { ratio: 2, ratioFreeBytes: 1_000 }],
    ['too much time', 'content_too_slow', { timeMs: -1 }],
  ])('%s', async (_, code, limits) => {
    const content = await tarGzOf(['a', 'b', 'c'].map((name) => ({ name, body: Buffer.alloc(3_000) })));

    await expect(read(content, limits)).rejects.toMatchObject(refused(code));
  });

  test('names that would make many more directories than there are entries', async () => {
    const items = Array.from({ length: 4_000 }, (_, index) => ({ name: `${index}/${'d/'.repeat(40)}f` }));
    const content = await tarGzOf(items);

    await expect(read(content)).rejects.toThrow('to fill at most 150000 places');
  });

  test('headers that are too long', async () => {
    const content = await tarGzOf([{ name: 'a', pax: { comment: 'x'.repeat(20_000) } }]);

    await expect(read(content)).rejects.toMatchObject(refused('content_headers_too_long'));
  });
});

describe('readArchive comes to an end', () => {
  test('for any bytes at all, and refuses them with its own errors', async () => {
    const start = fc.constantFrom(Buffer.alloc(0), Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(512, 0x61));
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 3_000 }), async (head, tail) => {
        await expect(read(Buffer.concat([head, tail]))).rejects.toBeInstanceOf(JobFailedError);
      }),
    );
  });

  test('for any text as an extended header', async () => {
    const texts = fc.string({ unit: fc.constantFrom(...'0169 =\nab', '\n', 'path='), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const archive = archiveOf(
          headerBlock({ type: 'x', size: text.length }),
          bodyBlocks(text),
          headerBlock({}),
        );
        const result = await read(archive).catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof JobFailedError).toBe(true);
      }),
    );
  });

  test('for a valid archive with one byte changed', async () => {
    const whole = await tarOf([
      { name: 'a', body: Buffer.alloc(700, 1) },
      { name: 'b/', type: 'directory' },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.byteLength - 1), fc.integer({ min: 0, max: 255 }), async (at, value) => {
        const changed = Buffer.from(whole);
        changed[at] = value;
        const result = await read(changed).catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof JobFailedError).toBe(true);
      }),
    );
  });
});
