import { describe, expect, test } from 'vitest';
import { parseSize, showSize } from '../../src/job/size.js';

describe('parseSize', () => {
  test.each([
    ['0', 0],
    ['1048576', 1048576],
    ['512b', 512],
    ['512k', 512 * 1024],
    ['512m', 512 * 1024 ** 2],
    ['2g', 2 * 1024 ** 3],
    ['1t', 1024 ** 4],
    ['512Mi', 512 * 1024 ** 2],
    ['1GiB', 1024 ** 3],
    ['1.5g', 1.5 * 1024 ** 3],
    ['0.5KiB', 512],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([
    '',
    ' 1',
    '-1',
    '512M',
    '512MB',
    '512mb',
    '512mib',
    '512KB',
    '1.5',
    '1.5b',
    '0.0001k',
    '1e3',
    '.5m',
    '1.m',
    '9007199254740993',
    '99999999t',
    '1 m',
  ])('refuses %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

test.each([
  [0, '0'],
  [1000, '1000'],
  [1024, '1KiB'],
  [6_291_456, '6MiB'],
  [1024 ** 3, '1GiB'],
])('%d bytes are shown in the largest unit that fits', (bytes, text) => {
  expect(showSize(bytes)).toBe(text);
  expect(parseSize(text)).toBe(bytes);
});
