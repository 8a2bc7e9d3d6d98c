import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chunks } from '../../../src/docker/archive/chunks.js';

const chunkBytes = 64 * 1024;

test('chunks hold all pieces in their order, and are all full but the last', () => {
  const sizes = fc.oneof(
    fc.nat(600),
    fc.constantFrom(chunkBytes - 1, chunkBytes, chunkBytes + 1),
    fc.nat(200_000),
  );
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 20 }), (lengths) => {
      const pieces = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      const chunks = new Chunks();

      const full = pieces.flatMap((piece) => chunks.add(piece));
      const found = [...full, chunks.rest()];

      expect(Buffer.concat(found).equals(Buffer.concat(pieces))).toBe(true);
      expect(full.every(({ length }) => length === chunkBytes)).toBe(true);
    }),
  );
});

test('a chunk holds a copy: whoever gave the piece may use its memory again', () => {
  const chunks = new Chunks();
  const piece = Buffer.from('a');

  chunks.add(piece);
  piece.fill('b');

  expect(Buffer.from(chunks.rest()).toString()).toBe('a');
});
