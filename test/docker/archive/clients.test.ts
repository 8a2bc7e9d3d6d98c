// What packing programs have written must arrive as the tree that they were given, also where they are not installed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobFailedError } from '../../../src/job/errors.js';
import { packings } from './clients/programs.js';
import { arrive, expectedTree } from './clients/tree.js';

type Packed = Readonly<Record<string, { readonly by: string; readonly archive: string }>>;

/** Written by `STINT_UPDATE_PACKED=1 npx vitest run --project real test/docker/archive/clients.real.test.ts`. */
const packed = JSON.parse(
  await readFile(join(import.meta.dirname, 'clients', 'packed.json'), 'utf8'),
) as Packed;

describe('a tree that was packed', () => {
  test.each(packings.map((each) => [each.name, each] as const))(
    'by %s arrives as it was',
    async (name, packing) => {
      const archive = Buffer.from(packed[name]?.archive ?? '', 'base64');

      expect(await arrive(archive)).toEqual(expectedTree(packing));
    },
  );
});

test('a packed tree with a few bytes changed is read, or refused with a reason', async () => {
  const archives = Object.values(packed)
    .map(({ archive }) => gunzipSync(Buffer.from(archive, 'base64')))
    .filter(({ byteLength }) => byteLength < 100_000); // Those that leave out the holes: they are read fast.
  const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...archives),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (archive, changes) => {
        const changed = Buffer.from(archive);
        const headers = headersOf(archive);
        for (const { at, value } of changes)
          changed[(headers[at % headers.length] ?? 0) + ((at >> 8) % 512)] = value;
        const result = await arrive(withChecksums(changed, headers)).catch((error: unknown) => error);
        expect(result instanceof JobFailedError || !(result instanceof Error)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

/** Where the blocks are that look like headers: changes elsewhere would only change bodies. */
function headersOf(archive: Buffer): number[] {
  const starts = Array.from({ length: archive.length / 512 }, (_, index) => index * 512);
  return starts.filter((start) =>
    /^[ 0-7]+[ \0]*$/.test(archive.toString('latin1', start + 148, start + 156)),
  );
}

/** Mended, so that a change is met by what reads the fields and not by the checksum. */
function withChecksums(archive: Buffer, headers: readonly number[]): Buffer {
  for (const start of headers) {
    const block = archive.subarray(start, start + 512);
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return archive;
}
