import { describe, expect, test } from 'vitest';
import { assembleOutput, type Chunk } from '../../../src/queue/service/output-text.js';

const whole = { complete: true, flaw: undefined, hasEnded: true };

/** `out` and `err` in turns, beginning at a position. */
function chunk(position: number, ...parts: string[]): Chunk {
  const runs = parts.map((part, i) => (i % 2 === 0 ? part.length : -part.length)).filter((run) => run !== 0);
  return { position, runs, bytes: Buffer.from(parts.join('')) };
}

function texts(chunks: readonly Chunk[], tailBytes?: number) {
  const { combined, stderr, droppedBytes } = assembleOutput(chunks, { ...whole, tailBytes });
  return {
    combined: Buffer.from(combined).toString(),
    stderr: Buffer.from(stderr).toString(),
    droppedBytes,
  };
}

describe('the output of a job', () => {
  test('is empty when nothing was printed', () => {
    expect(texts([])).toEqual({ combined: '', stderr: '', droppedBytes: 0 });
  });

  test('is put together in the order of arrival, with stderr by itself too', () => {
    expect(texts([chunk(0, 'one ', 'two ', 'three '), chunk(14, '', 'four')])).toEqual({
      combined: 'one two three four',
      stderr: 'two four',
      droppedBytes: 0,
    });
  });

  test('has stdout by itself too, without the marks of what was dropped', () => {
    const { stdout } = assembleOutput([chunk(0, 'one ', 'two ', 'three'), chunk(113, 'four', 'five')], whole);

    expect(Buffer.from(stdout).toString()).toBe('one threefour');
  });

  test('counts what was dropped, and says so where it was', () => {
    expect(texts([chunk(0, 'head'), chunk(104, 'tail'), chunk(118, 'end')])).toEqual({
      combined:
        'head\n[stint: 100 bytes of output were dropped here]\ntail\n[stint: 10 bytes of output were dropped here]\nend',
      stderr: '',
      droppedBytes: 110,
    });
  });

  test('counts what was dropped before the first chunk', () => {
    expect(texts([chunk(7, 'tail')])).toMatchObject({
      combined: '\n[stint: 7 bytes of output were dropped here]\ntail',
      droppedBytes: 7,
    });
  });

  test('keeps bytes that are no text', () => {
    const bytes = Uint8Array.from([0, 255, 254, 10]);

    const { combined, stderr } = assembleOutput([{ position: 0, runs: [1, -2, 1], bytes }], whole);

    expect([...combined]).toEqual([0, 255, 254, 10]);
    expect([...stderr]).toEqual([255, 254]);
  });

  test('says when and why it may be incomplete', () => {
    const output = assembleOutput([], { complete: false, flaw: 'output_not_drained', hasEnded: true });

    expect(output).toMatchObject({ complete: false, incompleteReason: 'output_not_drained' });
  });
});

describe('the tail of an output', () => {
  const chunks = [chunk(0, 'one ', 'two ', 'three '), chunk(14, '', 'four')];

  test.each([
    [4, { combined: 'four', stderr: 'four' }],
    [6, { combined: 'e four', stderr: 'four' }],
    [12, { combined: 'o three four', stderr: 'o four' }],
    [18, { combined: 'one two three four', stderr: 'two four' }],
    [1000, { combined: 'one two three four', stderr: 'two four' }],
  ])('has %i bytes at most', (tailBytes, expected) => {
    expect(texts(chunks, tailBytes)).toEqual({ ...expected, droppedBytes: 0 });
  });

  test('does not count what was left out before it as dropped', () => {
    expect(texts([chunk(500, 'four')], 4)).toEqual({ combined: 'four', stderr: '', droppedBytes: 0 });
  });
});
