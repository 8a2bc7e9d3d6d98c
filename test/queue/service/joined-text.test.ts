// Tests that joined output keeps characters whole.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assembleOutput, type Chunk } from '../../../src/queue/service/output-text.js';

const whole = { complete: true, flaw: undefined, hasEnded: true };

/** Pieces of bytes of both streams as they arrived: positive are stdout, negative stderr, as `runs` are. */
function arrived(position: number, ...parts: [stream: 'out' | 'err', bytes: readonly number[]][]): Chunk {
  const runs = parts.map(([stream, bytes]) => (stream === 'out' ? bytes.length : -bytes.length));
  return { position, runs, bytes: Uint8Array.from(parts.flatMap(([, bytes]) => [...bytes])) };
}

/** é, €, and a face: of two, three and four bytes. */
const two = [0xc3, 0xa9];
const three = [0xe2, 0x82, 0xac];
const four = [0xf0, 0x9f, 0x98, 0x80];
const x = [0x78];

function joined(chunks: readonly Chunk[], more: { hasEnded?: boolean; tailBytes?: number } = {}) {
  const { combined, stderr } = assembleOutput(chunks, { ...whole, ...more });
  return [Buffer.from(combined).toString(), Buffer.from(stderr).toString()];
}

describe('a character', () => {
  test.each([
    ['é', two, 1],
    ['€', three, 1],
    ['€', three, 2],
    ['😀', four, 1],
    ['😀', four, 2],
    ['😀', four, 3],
  ])('that the other stream cut stays whole: %s', (text, bytes, at) => {
    const [head, tail] = [bytes.slice(0, at), bytes.slice(at)];

    expect(joined([arrived(0, ['out', head], ['err', x], ['out', tail])])).toEqual([`x${text}`, 'x']);
    expect(joined([arrived(0, ['err', head], ['out', x], ['err', tail])])).toEqual([`x${text}`, text]);
    expect(joined([arrived(0, ['out', head]), arrived(at, ['err', x], ['out', tail])])).toEqual([
      `x${text}`,
      'x',
    ]);
  });

  test('that both streams cut in each other stays whole in both', () => {
    const chunk = arrived(
      0,
      ['out', [0xf0]],
      ['err', [0xe2, 0x82]],
      ['out', [0x9f, 0x98]],
      ['err', [0xac]],
      ['out', [0x80]],
    );

    expect(joined([chunk])).toEqual(['€😀', '€']);
  });

  test('that a running job has not finished is not shown yet', () => {
    const begun = arrived(0, ['out', [...x, 0xe2]], ['err', [...x, 0xc3]]);

    expect(joined([begun], { hasEnded: false })).toEqual(['xx', 'x']);
    expect(joined([begun, arrived(4, ['out', [0x82, 0xac]])], { hasEnded: false })).toEqual(['xx€', 'x']);
  });

  test('that was never finished is shown as it is', () => {
    expect(joined([arrived(0, ['out', [0xe2, 0x82]], ['err', x], ['out', x])])).toEqual(['x\ufffdx', 'x']);
    expect(joined([arrived(0, ['out', [0xe2, 0x82]], ['err', x])])).toEqual(['x\ufffd', 'x']);
    expect(joined([arrived(0, ['err', [0xc3, 0x78]])])).toEqual(['\ufffdx', '\ufffdx']);
  });

  test('of which dropped bytes or the start of a tail cut a part is left out', () => {
    const head = arrived(0, ['out', [...x, 0xe2, 0x82]], ['err', [0xc3]]);
    const tail = arrived(14, ['out', [0xac, ...x]], ['err', [0xa9, ...x]]);

    expect(joined([head, tail])).toEqual(['x\n[stint: 10 bytes of output were dropped here]\nxx', 'x']);
    expect(joined([arrived(500, ['out', [...three, ...x]])], { tailBytes: 3 })).toEqual(['x', '']);
    expect(joined([tail], { tailBytes: 100 })).toEqual(['xx', 'x']);
  });
});

const letters = { out: fc.constantFrom('a', 'é', '€', '😀'), err: fc.constantFrom('b', 'ü', '∑', '🎉') };
const printed = {
  out: fc.array(letters.out, { maxLength: 12 }).map((all) => all.join('')),
  err: fc.array(letters.err, { maxLength: 12 }).map((all) => all.join('')),
};
const cuts = fc.array(fc.tuple(fc.constantFrom('out', 'err'), fc.integer({ min: 1, max: 5 })), {
  maxLength: 40,
});

/** Both texts in pieces of these sizes, each a chunk. */
function cutUp(
  texts: { out: string; err: string },
  pieces: readonly (readonly ['out' | 'err', number])[],
): Chunk[] {
  const left = { out: [...Buffer.from(texts.out)], err: [...Buffer.from(texts.err)] };
  let position = 0;
  return [...pieces, ['out', 99] as const, ['err', 99] as const].map(([stream, size]) => {
    const bytes = left[stream].splice(0, size);
    position += bytes.length;
    return arrived(position - bytes.length, [stream, bytes]);
  });
}

test('however two streams of text are cut, both stay whole, and text that was shown never changes', () => {
  fc.assert(
    fc.property(fc.record(printed), cuts, (texts, pieces) => {
      const chunks = cutUp(texts, pieces);
      let shown = '';
      for (const count of chunks.keys()) {
        const [text = ''] = joined(chunks.slice(0, count + 1), { hasEnded: false });
        expect(text.startsWith(shown)).toBe(true);
        shown = text;
      }
      expect(shown).not.toContain('\ufffd');
      expect(shown.replace(/[bü∑🎉]/gu, '')).toBe(texts.out);
      expect(shown.replace(/[aé€😀]/gu, '')).toBe(texts.err);
      expect(joined(chunks)[1]).toBe(texts.err);
    }),
  );
});

test('a job may print millions of single bytes in turns', () => {
  const runs = Array.from({ length: 300_000 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  const single = { position: 0, runs, bytes: Buffer.alloc(runs.length, 'x') };

  expect(assembleOutput([single], whole).stderr).toHaveLength(150_000);
});
