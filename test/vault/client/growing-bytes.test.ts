import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowingBytes } from '../../../src/vault/client/growing-bytes.js';

const mib = 1024 * 1024;

test('pieces are put together in their order, up to the limit', () => {
  const lengths = fc.array(fc.oneof(fc.nat(100), fc.nat(300_000)), { maxLength: 20 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 4 * mib }), (sizes, limit) => {
      const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      const growing = new GrowingBytes(limit);

      for (const piece of pieces) {
        const before = Buffer.from(growing.bytes());
        const fits = before.length + piece.length <= limit;

        expect(growing.add(piece)).toBe(fits);
        expect(growing.bytes().equals(fits ? Buffer.concat([before, piece]) : before)).toBe(true);
      }
    }),
  );
});

test('a long answer is put into one buffer, which is not copied while it grows', () => {
  const growing = new GrowingBytes(64 * mib);
  for (let size = 0; size <= mib; size += 64 * 1024) growing.add(Buffer.alloc(64 * 1024));
  const { buffer } = growing.bytes();

  for (let count = 0; count < 20; count++) growing.add(Buffer.alloc(mib));

  expect(growing.bytes().buffer).toBe(buffer);
});

test('a short answer does not get the room of a long one', () => {
  const growing = new GrowingBytes(64 * mib);

  growing.add(Buffer.from('{}'));

  expect(growing.bytes().buffer.byteLength).toBeLessThan(mib);
});
