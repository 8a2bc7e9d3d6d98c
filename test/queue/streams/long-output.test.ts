import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OutputStream } from '../../../src/queue/queue.js';
import { assembleOutput, type Chunk } from '../../../src/queue/service/output-text.js';
import { outputPieces } from '../../../src/queue/streams/long-output.js';

/** Text in characters of one to four bytes, and bytes that are no text. */
const printed = fc
  .array(fc.oneof(fc.constantFrom('a', 'é', '€', '😀'), fc.uint8Array({ maxLength: 3 })), { maxLength: 8 })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

const stored = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.nat(9)),
    pieces: fc.array(fc.tuple(printed, fc.boolean()), { maxLength: 5 }),
    cut: fc.nat(3),
  }),
  { maxLength: 6 },
);

/** Chunks as they are stored; a character may be cut between two of them. */
function chunksOf(given: typeof stored extends fc.Arbitrary<infer T> ? T : never): Chunk[] {
  let position = 0;
  return given.map(({ gap, pieces, cut }) => {
    position += gap;
    const parts = pieces.map(([bytes, isError], index) => {
      const kept = index === pieces.length - 1 ? bytes.subarray(0, Math.max(0, bytes.length - cut)) : bytes;
      return { kept, run: isError ? -kept.length : kept.length };
    });
    const bytes = Buffer.concat(parts.map(({ kept }) => kept));
    const chunk = { position, bytes, runs: parts.map(({ run }) => run).filter((run) => run !== 0) };
    position += bytes.length;
    return chunk;
  });
}

async function joined(chunks: readonly Chunk[], which: OutputStream, hasEnded: boolean): Promise<string> {
  async function* batches() {
    for (let at = 0; at < chunks.length; at += 2) yield chunks.slice(at, at + 2);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of outputPieces(batches, which, hasEnded)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('latin1');
}

test('the pieces of an output are what it is as a whole, in each stream, whatever was printed and dropped', async () => {
  await fc.assert(
    fc.asyncProperty(stored, fc.boolean(), async (given, hasEnded) => {
      const chunks = chunksOf(given);
      const whole = assembleOutput(chunks, { complete: true, flaw: undefined, hasEnded });
      for (const which of ['combined', 'stdout', 'stderr'] as const)
        expect(await joined(chunks, which, hasEnded)).toBe(Buffer.from(whole[which]).toString('latin1'));
    }),
  );
});

test('a piece is never longer than 64 KiB, and nothing is read before it is asked for', async () => {
  let read = 0;
  async function* batches() {
    for (; read < 100; read++) {
      const bytes = Buffer.alloc(256 * 1024, 'x');
      yield [{ position: read * bytes.length, runs: [bytes.length], bytes }];
    }
  }
  const pieces = outputPieces(batches, 'combined', true);
  expect(read).toBe(0);

  for (let i = 0; i < 8; i++) expect((await pieces.next()).value?.length).toBe(64 * 1024);

  expect(read).toBe(1);
  await pieces.return(undefined);
});
