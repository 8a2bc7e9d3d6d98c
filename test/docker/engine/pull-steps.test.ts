import { describe, expect, test } from 'vitest';
import { readJsonLines, toPullStep } from '../../../src/docker/engine/pull-steps.js';

async function* from(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function read(...texts: string[]): Promise<object[]> {
  const lines: object[] = [];
  for await (const line of readJsonLines(from(texts))) lines.push(line);
  return lines;
}

describe('readJsonLines', () => {
  test('finds objects wherever the chunks are cut', async () => {
    expect(await read('{"a"', ':1}\r\n{"b":2}\n{', '"c":3}')).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
  });

  test('keeps letters that are cut in the middle', async () => {
    const bytes = Buffer.from('{"a":"ü"}\n');
    async function* halves() {
      yield bytes.subarray(0, 7);
      yield bytes.subarray(7);
    }
    const lines: object[] = [];
    for await (const line of readJsonLines(halves())) lines.push(line);

    expect(lines).toEqual([{ a: 'ü' }]);
  });

  test('leaves out what is no object', async () => {
    expect(await read('\n\nnull\n7\n"x"\nnonsense\n{"a":1}\n{"cut')).toEqual([{ a: 1 }]);
  });

  test('does not collect a line without end', async () => {
    expect(await read('x'.repeat(1024 * 1024 + 1), '\n{"a":1}\n')).toEqual([{ a: 1 }]);
  });
});

function markAt(current: number): string {
  return toPullStep({ id: 'x', status: 'Downloading', progressDetail: { current } }).mark;
}

describe('toPullStep', () => {
  test('has a mark that changes with every bit of progress', () => {
    expect(markAt(1)).toBe(markAt(1));
    expect(markAt(1)).not.toBe(markAt(2));
  });

  test('tells of an error inside the answer', () => {
    expect(toPullStep({ error: 'manifest unknown' })).toMatchObject({
      status: '',
      error: 'manifest unknown',
    });
  });

  test('takes odd shapes', () => {
    expect(toPullStep({ status: 7, progressDetail: null, error: {} })).toMatchObject({
      status: '',
      error: undefined,
    });
  });
});
