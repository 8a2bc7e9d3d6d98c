import { expect, test } from 'vitest';
import { combineInputs } from '../../../../src/api/lopco/pipeline/inputs.js';
import type { Output, Stage } from '../../../../src/api/lopco/pipeline/model.js';

const init: readonly Output[] = [{ init_source: 'up' }];

type Case = readonly [
  title: string,
  inputType: Stage['inputType'],
  inputMap: Stage['inputMap'],
  outputs: readonly (readonly Output[])[],
  inputs: readonly object[],
];

const combined: readonly Case[] = [
  ['the initial source, by the field alone', 'single', { a: 'init_source' }, [init], [{ a: 'up' }]],
  ['the initial source, by its number', 'single', { a: '0:init_source' }, [init, [{ b: 1 }]], [{ a: 'up' }]],
  ['the stage before, by the field alone', 'single', { a: 'b' }, [init, [{ b: 1 }]], [{ a: 1 }]],
  [
    'one input for each of several outputs, with what is the same for all',
    'single',
    { a: '1:b', o: '0:init_source' },
    [init, [{ b: 1 }, { b: 2 }]],
    [
      { a: 1, o: 'up' },
      { a: 2, o: 'up' },
    ],
  ],
  ['a prefix for one input too', 'multiple', { a: 'init_source' }, [init], [{ _0_a: 'up' }]],
  ['a prefix for each', 'multiple', { a: 'b' }, [init, [{ b: 1 }, { b: 2 }]], [{ _0_a: 1 }, { _1_a: 2 }]],
  ['nothing', 'single', {}, [init], [{}]],
  ['a value that is false', 'single', { a: 'b' }, [init, [{ b: false }]], [{ a: false }]],
];

test.each(combined)('inputs are made of %s', (...[, inputType, inputMap, outputs, inputs]) => {
  expect(combineInputs({ inputType, inputMap }, outputs)).toEqual({ inputs });
});

const two: readonly Output[] = [{ b: 1 }, { b: 2 }];

test.each([
  ['two stages with several outputs', { a: '1:b', c: '2:b' }, [init, two, two], 'too many outputs'],
  ['an output that is null', { a: 'b' }, [init, [null]], 'Stage 1 gave no "b"'],
  ['a field that is null', { a: 'b' }, [init, [{ b: null }]], 'Stage 1 gave no "b"'],
  ['a field that is not there', { a: 'b' }, [init, [{}]], 'Stage 1 gave no "b"'],
  ['a field of every object', { a: 'toString' }, [init, [{}]], 'gave no "toString"'],
  ['one of several without the field', { a: 'b' }, [init, [{ b: 1 }, {}]], 'Stage 1 gave no "b"'],
  ['two colons', { a: '0:b:c' }, [init], '"0:b:c" of "a" has more than one colon'],
  ['a later stage', { a: '1:b' }, [init], 'names no earlier stage: expected a number from 0 to 0'],
  ['a word for a number', { a: 'x:b' }, [init], 'names no earlier stage'],
] as const)('inputs cannot be made of %s', (_, inputMap, outputs, problem) => {
  expect(combineInputs({ inputType: 'single', inputMap }, outputs)).toEqual({
    problem: expect.stringContaining(problem),
  });
});
