import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { demux, passThrough } from '../../../src/docker/output/demux.js';
import type { OutputPart } from '../../../src/executor/backend.js';
import { BrokenError } from '../../../src/job/errors.js';

function frame(kind: number, body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes.byteLength, 4);
  return Buffer.concat([header, bytes]);
}

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function collect(parts: AsyncIterable<OutputPart>): Promise<OutputPart[]> {
  const all: OutputPart[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** Cuts bytes into pieces of these lengths, and a last one of the rest. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...pieces, bytes.subarray(at)];
}

function joined(parts: readonly OutputPart[], stream: OutputPart['stream']): Buffer {
  return Buffer.concat(parts.filter((part) => part.stream === stream).map(({ bytes }) => bytes));
}

describe('demux', () => {
  test('assigns every byte to its stream, wherever the chunks are cut', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 40 })));
    const lengths = fc.array(fc.nat(30));

    await fc.assert(
      fc.asyncProperty(frames, lengths, async (all, pieces) => {
        const bytes = Buffer.concat(all.map(([kind, body]) => frame(kind, body)));
        const bodies = (wanted: boolean) =>
          Buffer.concat(all.filter(([kind]) => (kind === 2) === wanted).map(([, body]) => body));

        const parts = await collect(demux(from(cut(bytes, pieces))));

        expect(joined(parts, 'stderr')).toEqual(bodies(true));
        expect(joined(parts, 'stdout')).toEqual(bodies(false));
      }),
    );
  });

  test('copies nothing', async () => {
    const chunk = frame(1, 'body');

    const [part] = await collect(demux(from([chunk])));

    expect(part?.bytes.buffer).toBe(chunk.buffer);
  });

  test('takes thousands of frames in one chunk', async () => {
    const chunk = Buffer.concat(Array.from({ length: 20_000 }, () => frame(2, 'x')));

    expect(await collect(demux(from([chunk])))).toHaveLength(20_000);
  });

  test.each([
    ['an end inside a header', [frame(1, 'ab'), Buffer.from([1, 0, 0])]],
    ['an end inside a body', [frame(1, 'ab').subarray(0, 9)]],
    ['a kind that does not exist', [frame(4, 'ab')]],
    ['bytes that are no header', [Buffer.from('plain text of a terminal')]],
    ['a length beyond all measure', [Buffer.from([1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])]],
  ])('takes %s for a broken line', async (_, chunks) => {
    await expect(collect(demux(from(chunks)))).rejects.toMatchObject({ fault: 'cut' });
  });

  test('throws a message of the engine as an engine error', async () => {
    const reading = collect(demux(from([frame(3, 'the driver failed')])));

    await expect(reading).rejects.toBeInstanceOf(BrokenError);
    await expect(reading).rejects.toThrow('the driver failed');
  });
});

test('passThrough yields the bytes of a terminal unchanged', async () => {
  const chunk = frame(2, 'looks like a frame');

  expect(await collect(passThrough(from([chunk])))).toEqual([{ stream: 'stdout', bytes: chunk }]);
});
