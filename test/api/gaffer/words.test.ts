import { expect, test } from 'vitest';
import { parseScale, parseSignal } from '../../../src/api/gaffer/words.js';

test.each<[unknown, unknown]>([
  [1, { add: 1 }],
  [-2, { add: -2 }],
  [0, { add: 0 }],
  ['3', { add: 3 }],
  ['+1', { add: 1 }],
  ['-1', { add: -1 }],
  ['=0', { set: 0 }],
  ['=12', { set: 12 }],
  ...[true, null, undefined, 1.5, 1e9, Number.NaN, 'x1', '', '=', '=-1', '1.5', ' 1', '1234567', [], {}].map(
    (value): [unknown, unknown] => [value, undefined],
  ),
])('a scale of %j means %j', (value, expected) => {
  expect(parseScale(value)).toEqual(expected);
});

test.each<[unknown, number | undefined]>([
  [1, 1],
  [64, 64],
  ['10', 10],
  ['HUP', 1],
  ['SIGHUP', 1],
  ['sigterm', 15],
  ['Usr1', 10],
  ['KILL', 9],
  ['STOP', 19],
  ['CHLD', 17],
  ['CLD', 17],
  ['SYS', 31],
  ...[0, 65, -1, 1.5, '0', 'NOSUCH', '', 'SIG', 'constructor', true, null, [], {}, 'x'.repeat(99)].map(
    (value): [unknown, undefined] => [value, undefined],
  ),
])('a signal of %j is number %j of Linux', (value, expected) => {
  expect(parseSignal(value)).toBe(expected);
});
