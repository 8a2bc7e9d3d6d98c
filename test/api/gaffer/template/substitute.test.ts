import { expect, test } from 'vitest';
import { substituteAll } from '../../../../src/api/gaffer/template/substitute.js';

const braced = (name: string) => `$\{${name}}`;
const values = new Map([
  ['PORT', '8080'],
  ['ROOT', '/srv'],
  ['_x1', 'y'],
  ['BLANKS', 'a b'],
  ['NESTED', '$PORT'],
  ['EMPTY', ''],
]);

test.each([
  ['$PORT', '8080'],
  [`a${braced('ROOT')}/pub`, 'a/srv/pub'],
  ['$PORT$ROOT', '8080/srv'],
  ['$$PORT', '$PORT'],
  ['cost: $$5', 'cost: $5'],
  [`$NOPE ${braced('NOPE')} $`, `$NOPE ${braced('NOPE')} $`],
  ['$5 ${', '$5 ${'],
  ['$PORTS', '$PORTS'],
  ['$_x1', 'y'],
  ['$BLANKS', 'a b'],
  ['$NESTED', '$PORT'],
  ['[$EMPTY]', '[]'],
  ['plain', 'plain'],
])('%j becomes %j', (word, expected) => {
  expect(substituteAll([word], values, 1000)).toEqual([expected]);
});

test('values that are named very often are not put in', () => {
  const long = new Map([['A', 'x'.repeat(1000)]]);

  expect(substituteAll(Array(100).fill('$A$A'), long, 100_000)).toBeUndefined();
  expect(substituteAll(Array(50).fill('$A$A'), long, 100_000)).toHaveLength(50);
});
