import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

let count = 0;

/** Stores chunks of these sizes; a negative size is dropped in between. */
async function storeChunks(...sizes: readonly number[]): Promise<string> {
  count += 1;
  const claim = await submitInto(store, 'running', { queue: `q${count}` });
  let position = 0;
  for (const [seq, size] of sizes.entries()) {
    if (size > 0)
      await store.appendOutput(claim, {
        seq,
        position,
        runs: [size],
        bytes: Buffer.alloc(size, 'x'),
        drop: undefined,
      });
    position += Math.abs(size);
  }
  return claim.id;
}

async function batchesOf(id: string): Promise<number[][]> {
  const batches: number[][] = [];
  for (let after = -1; ; ) {
    const { chunks, lastSeq, isLast } = await store.readOutputBatch(id, after);
    batches.push(chunks.map(({ bytes }) => bytes.length));
    if (isLast) return batches;
    after = lastSeq;
  }
}

const kib = 1024;

test('an output is read in batches of 256 KiB, a chunk more at most, in order and to its end', async () => {
  expect(await batchesOf(await storeChunks())).toEqual([[]]);
  expect(await batchesOf(await storeChunks(10, 20))).toEqual([[10, 20]]);
  expect(await batchesOf(await storeChunks(200 * kib, 200 * kib, 200 * kib))).toEqual([
    [200 * kib, 200 * kib],
    [200 * kib],
  ]);
  expect(await batchesOf(await storeChunks(256 * kib, -5, 256 * kib))).toEqual([
    [256 * kib],
    [256 * kib],
    [],
  ]);
  const many = Array.from({ length: 1_001 }, () => 1);
  expect((await batchesOf(await storeChunks(...many))).map(({ length }) => length)).toEqual([1_000, 1]);
});

test('sizes tell what is stored of all, and what was dropped', async () => {
  const ids = [await storeChunks(10, -7, 20), await storeChunks(-3, 5), await storeChunks()];

  expect(await store.readOutputSizes(ids)).toEqual({ bytes: 35, dropped: 10 });
  expect(await store.readOutputSizes([])).toEqual({ bytes: 0, dropped: 0 });
});
