// What the packing programs on this machine write today must arrive as the tree that they were given.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isHere, pack, packings, versionOf } from './clients/programs.js';
import { arrive, expectedTree } from './clients/tree.js';

/** With this set, what was packed is kept for machines without these programs: `clients.test.ts` reads it. */
const updates = process.env.STINT_UPDATE_PACKED === '1';
const packed: Record<string, { by: string; archive: string }> = {};

afterAll(async () => {
  const path = join(import.meta.dirname, 'clients', 'packed.json');
  if (updates) await writeFile(path, `${JSON.stringify(packed, undefined, 2)}\n`);
});

describe('a tree packed here and now', () => {
  test.each(packings.filter(isHere).map((each) => [each.name, each] as const))(
    'by %s arrives as it was',
    async (name, packing) => {
      const archive = await pack(packing);
      packed[name] = { by: versionOf(packing), archive: archive.toString('base64') };

      expect(await arrive(archive)).toEqual(expectedTree(packing));
    },
    240_000, // Go builds its library first, on a machine where nobody did.
  );
});
