import { expect, test } from 'vitest';
import { parseQuantity } from '../../../src/api/runai/quantity.js';

test.each([
  ['0', 0],
  ['1048576', 1_048_576],
  ['500M', 500_000_000],
  ['2Gi', 2_147_483_648],
  ['1.5Gi', 1_610_612_736],
  ['.5k', 500],
  ['0.1G', 100_000_000],
  ['1.001k', 1001],
  ['1e3', 1000],
  ['1E3', 1000],
  ['12e-1', 2],
  ['128974848000m', 128_974_848],
  ['1m', 1],
  ['3GB', 3_000_000_000],
  ['10KB', 10_000],
  ['64MB', 64_000_000],
  ['1TB', 1_000_000_000_000],
  ['+7k', 7000],
])('%s is %d bytes', (text, bytes) => {
  expect(parseQuantity(text)).toBe(bytes);
});

test.each([
  '',
  ' 1G',
  '1 G',
  '-1',
  '1g',
  '512mb',
  '1GiB',
  '1K',
  '1e',
  '1ee3',
  '1e999',
  '1Ei9',
  '9007199254740993',
  '1E',
  'Infinity',
  'NaN',
  '0x10',
  '1,5G',
  `${'1'.repeat(65)}`,
  'constructor',
  '1to',
])('%j is no amount', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});
