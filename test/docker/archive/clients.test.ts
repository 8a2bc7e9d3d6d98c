// What packing programs have written must arrive as the tree that they were given, also where they are not installed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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
