import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import { readContentMetadata } from '../../../src/docker/archive/content.js';
import { repack } from '../../../src/docker/archive/repack.js';
import { type ArchiveLimits, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { archiveOf, bodyBlocks, headerBlock, paxBlocks } from '../../support/tar-blocks.js';

const kib = 1024;
const mib = 1024 * kib;

function rulesWith(limits: Partial<ArchiveLimits> = {}) {
  return { limits: { ...defaultArchiveLimits, ...limits }, allowLinks: true, ownFiles: ['etc/passwd'] };
}

/** What a submit finds: undefined, or why the content is refused. */
async function problemOf(
  content: Uint8Array,
  limits: Partial<ArchiveLimits> = {},
): Promise<object | undefined> {
  return await readContentMetadata(content, rulesWith(limits)).then(
    () => undefined,
    (error: unknown) => error as object,
  );
}

const linkTo = (target: string, name = 'opt/l') => headerBlock({ name, type: '2', target });
const hardLinkTo = (target: string) => headerBlock({ name: 'opt/h', type: '1', target });

/** Each with a part of its name as it is told. */
const hostile: readonly (readonly [what: string, told: string, entry: Uint8Array])[] = [
  ['a step up', '../etc/cron.d/x', headerBlock({ name: '../etc/cron.d/x' })],
  ['a step up on the way', 'a/../../x', headerBlock({ name: 'a/../../x' })],
  ['a step up in an absolute name', '/../x', headerBlock({ name: '/../x' })],
  ['a link to an absolute path', 'opt/l', linkTo('/etc/shadow')],
  ['a link out', 'opt/l', linkTo('../../../etc/shadow')],
  ['a file through a link', 'opt/l/x', Buffer.concat([linkTo('b'), headerBlock({ name: 'opt/l/x' })])],
  ['a hard link to a file of the image', 'opt/h', hardLinkTo('etc/shadow')],
  ['a hard link out', 'opt/h', hardLinkTo('../etc/shadow')],
  ['a character device', 'dev-c', headerBlock({ name: 'dev-c', type: '3' })],
  ['a block device', 'dev-b', headerBlock({ name: 'dev-b', type: '4' })],
  ['a FIFO', 'pipe', headerBlock({ name: 'pipe', type: '6' })],
  ['a whiteout', 'etc/.wh.passwd', headerBlock({ name: 'etc/.wh.passwd' })],
  ['an opaque whiteout', '.wh..wh..opq', headerBlock({ name: 'opt/.wh..wh..opq' })],
  [
    'one name as a file and a link',
    'twice',
    Buffer.concat([headerBlock({ name: 'twice' }), linkTo('b', 'twice')]),
  ],
  [
    'a file below a file',
    'one/x',
    Buffer.concat([headerBlock({ name: 'one' }), headerBlock({ name: 'one/x' })]),
  ],
  ['a turn of the writing', 'gpj', headerBlock({ name: 'a\u202egpj.sh' })],
  ['a line break', 'a', headerBlock({ name: 'a\nb' })],
  ['bytes that are no text', 'bad', headerBlock({ name: Buffer.from('bad\xff', 'latin1') })],
  ['a NUL', 'nul', Buffer.concat([paxBlocks([['path', 'nul\0.txt']]), headerBlock({})])],
  ['5,000 bytes of name', 'nnnn', Buffer.concat([paxBlocks([['path', 'n'.repeat(5_000)]]), headerBlock({})])],
  ['the secrets file', 'secrets.yml', headerBlock({ name: './secrets.yml' })],
  ['the other secrets file, below', 'secrets.json/x', headerBlock({ name: '/secrets.json/x' })],
  ['a link in the place of the secrets', 'secrets.yml', linkTo('tmp/x', 'secrets.yml')],
  ['a link to the secrets', 'opt/l', linkTo('../secrets.yml')],
  ["the kernel's processes", 'proc/self/exe', headerBlock({ name: 'proc/self/exe' })],
  ["the kernel's settings", 'sys/x', headerBlock({ name: 'sys/x' })],
  ['the devices', 'dev/sda', headerBlock({ name: 'dev/sda' })],
  ['an unknown type', 'odd', headerBlock({ name: 'odd', type: 'Q' })],
];

describe('C1: content is refused, and the entry named, for', () => {
  test.each(hostile)('%s', async (_, told, entry) => {
    const whole = archiveOf(headerBlock({ name: 'before' }), entry, headerBlock({ name: 'after' }));

    expect(await problemOf(whole)).toMatchObject({
      reason: 'content_refused',
      message: expect.stringContaining(told),
    });
    expect(await problemOf(gzipSync(whole))).toMatchObject({ reason: 'content_refused' });
  });

  test('any of them among good ones, before anything of it was packed anew', async () => {
    for (const [, , entry] of hostile) {
      const chunks: Uint8Array[] = [];
      const entries = readArchive(archiveOf(headerBlock({ name: 'good' }), entry), rulesWith());
      const packing = (async () => {
        for await (const chunk of repack(entries, {})) chunks.push(chunk as Uint8Array);
      })();

      await expect(packing).rejects.toMatchObject({ reason: 'content_refused' });
      expect(Buffer.concat(chunks).subarray(-1_024)).not.toEqual(Buffer.alloc(1_024)); // No end mark: no archive.
    }
  });
});

const files = (count: number, nameOf = (index: number) => `f${index}`) =>
  archiveOf(...Array.from({ length: count }, (_, index) => headerBlock({ name: nameOf(index) })));
const sized = (bytes: number) => archiveOf(headerBlock({ size: bytes }), bodyBlocks(Buffer.alloc(bytes)));
const deep = (depth: number) => archiveOf(headerBlock({ name: `${'d/'.repeat(depth - 1)}f` }));
const headed = (bytes: number) => archiveOf(paxBlocks([['comment', 'x'.repeat(bytes)]]), headerBlock({}));
const named = (bytes: number) => archiveOf(paxBlocks([['path', 'ab/'.repeat(bytes / 3)]]), headerBlock({}));
const step = (bytes: number) => archiveOf(paxBlocks([['path', 'a'.repeat(bytes)]]), headerBlock({}));
const members = (count: number) =>
  Buffer.concat([gzipSync(files(1)), Buffer.alloc(20 * (count - 1), gzipSync(''))]);

interface Bound {
  readonly code: string;
  readonly make: (size: number) => Uint8Array;
  /** The largest that is accepted. */
  readonly most: number;
  readonly limits?: Partial<ArchiveLimits>;
  readonly next?: number;
}

const bounds: Readonly<Record<string, Bound>> = {
  entries: { code: 'content_too_many_entries', make: files, most: 1_000, limits: { entries: 1_000 } },
  'entries and their directories': {
    code: 'content_too_many_entries',
    make: (count) => files(count, (index) => `${index}/f`),
    most: 500,
    limits: { places: 1_000 },
  },
  'bytes of all names': {
    code: 'content_names_too_long',
    make: (count) => files(count, (index) => String(1_000 + index)),
    most: 900,
    limits: { allNamesBytes: 3_600 },
  },
  depth: { code: 'content_entries_refused', make: deep, most: 10, limits: { depth: 10 } },
  'bytes of a step': { code: 'content_entries_refused', make: step, most: 255 },
  'bytes of a name': {
    code: 'content_entries_refused',
    make: named,
    most: 150,
    next: 153,
    limits: { nameBytes: 150 },
  },
  'unpacked bytes': {
    code: 'content_too_large',
    make: sized,
    most: 10_240,
    next: 10_753,
    limits: { plainBytes: 11_776 },
  },
  'bytes as sent': {
    code: 'content_too_large',
    make: sized,
    most: 10_240,
    next: 10_753,
    limits: { compressedBytes: 11_776 },
  },
  'pieces of gzip': { code: 'content_damaged', make: members, most: 1_000 },
};

describe('C2: content is bounded by its', () => {
  test.each(Object.entries(bounds))(
    '%s: at the limit, one above, a hundred times above',
    async (_, bound) => {
      const { make, most, limits = {}, next = most + 1, code } = bound;

      expect(await problemOf(make(most), limits)).toBeUndefined();
      expect(await problemOf(make(next), limits)).toMatchObject({ code });
      expect(await problemOf(make(100 * most), limits)).toMatchObject({ reason: 'content_refused' });
    },
  );

  test('headers, ratio and time, too', async () => {
    expect(await problemOf(headed(8_000))).toBeUndefined();
    expect(await problemOf(headed(17_000))).toMatchObject({ code: 'content_headers_too_long' });
    expect(await problemOf(headed(1_700_000))).toMatchObject({ code: 'content_headers_too_long' });
    expect(await problemOf(gzipSync(sized(40 * mib)))).toMatchObject({ code: 'content_too_dense' });
    expect(await problemOf(files(1), { timeMs: -1 })).toMatchObject({ code: 'content_too_slow' });
  });
});

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
};

/** What V8 and its buffers hold, without what nobody uses any more. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + Math.max(arrayBuffers, external);
}

/** The most that is held beyond the archive while it is read, each entry with its body. */
async function mostHeld(contents: readonly Uint8Array[]): Promise<number> {
  const before = heldBytes();
  let most = 0;
  const readOne = async (content: Uint8Array) => {
    let count = 0;
    for await (const entry of readArchive(content, rulesWith())) {
      for await (const _ of entry.body);
      if (++count % 20_000 === 0) most = Math.max(most, heldBytes() - before);
    }
    most = Math.max(most, heldBytes() - before);
  };
  await Promise.all(contents.map((content) => readOne(content).catch(() => undefined)));
  return most;
}

/** 60 directories deep, split over name and prefix, so that each entry is one block. */
function deepNames(count: number): Buffer {
  const block = headerBlock({ name: '000000', more: { 345: 'd/'.repeat(60).slice(0, -1) } });
  const whole = Buffer.alloc(512 * count + 1_024);
  const sum = Number.parseInt(block.toString('latin1', 148, 155), 8) - 6 * 48;
  for (let index = 0; index < count; index++) {
    const name = String(index).padStart(6, '0');
    block.write(name, 0, 'latin1');
    const digits = Buffer.from(name).reduce((total, byte) => total + byte, sum);
    block.write(digits.toString(8).padStart(7, '0'), 148, 'latin1');
    block.copy(whole, 512 * index);
  }
  return whole;
}

describe('C2: memory stays flat', () => {
  test.each([
    ['100,000 deep names', () => [deepNames(100_000)], 64],
    ['100,000 deep names, compressed', () => [gzipSync(deepNames(100_000))], 64],
    ['two of these at once', () => [deepNames(100_000), deepNames(100_000)], 128],
    ['one entry more than there may be', () => [deepNames(100_001)], 64],
    ['150,000 directories', () => [files(74_999, (index) => `${index}/f`)], 64],
  ])('for %s', { timeout: 60_000 }, async (_, make, mostMib) => {
    const contents = make();

    expect(await mostHeld(contents)).toBeLessThan(mostMib * mib);
  });

  test('because a hundred thousand deep names are accepted at all', { timeout: 60_000 }, async () => {
    expect(await problemOf(deepNames(100_000))).toBeUndefined();
    expect(await problemOf(deepNames(100_001))).toMatchObject({ code: 'content_too_many_entries' });
  });
});
