import { expect, test } from 'vitest';
import { readResult } from '../../../../src/api/lopco/pipeline/result.js';

test.each([
  [null, [null]],
  [{}, [{}]],
  [{ a: 'x', n: 1.5, t: true, z: null }, [{ a: 'x', n: 1.5, t: true, z: null }]],
  [
    [{ a: 1 }, null],
    [{ a: 1 }, null],
  ],
  [[], []],
])('%j is a result', (value, outputs) => {
  expect(readResult(value)).toEqual({ outputs });
});

test.each([
  ['x', 'an object or `null`, got a text'],
  [7, 'got a number'],
  [[[]], 'got a list'],
  [{ a: {} }, '"a" of an output'],
  [{ a: [1] }, '"a" of an output'],
  [{ a: 'x\0' }, '"a" of an output'],
  [{ a: '\ud800' }, '"a" of an output'],
  [{ 'a\0': 1 }, 'free of NUL'],
  [{ a: Number.POSITIVE_INFINITY }, '"a" of an output'],
])('%j is no result', (value, problem) => {
  expect(readResult(value)).toEqual({ problem: expect.stringContaining(problem) });
});
