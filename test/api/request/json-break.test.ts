import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findBreak } from '../../../src/api/request/json-break.js';

test.each([
  ['a=1', 0],
  ['{"a":1,}', 7],
  ['{"a":{"b":0.2,\n}}', 15],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ["{'a':1}", 1],
  ['{"a":01}', 6],
  ['{"a":NaN}', 5],
  ['{}{}', 2],
  ['[]]', 2],
  ['{"a":"\\x"}', 6],
  ['{"a":"\u0001"}', 6],
  ['{"a":[}', 6],
  ['"a" "b"', 4],
  ['tru', 0],
])('%j breaks at %d', (text, at) => {
  expect(findBreak(text)).toBe(at);
});

test.each(['"\u007f\u0085\u{1f600}"', '', ' ', '{', '{"a', '{"a":', '[1,', '{"a":1', '{"a":[{"b":"c\\"'])(
  '%j ends too early',
  (text) => {
    expect(findBreak(text)).toBeUndefined();
  },
);

test('a JSON text has no break, and one that the parser refuses has one or ends too early', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
      expect(findBreak(text)).toBeUndefined();
      expect(findBreak(`${text}]`)).toBe(text.length);
    }),
  );
  const pieces = fc.constantFrom(...'{}[]"\\:,a1 ', '"a":', '[1,', '\\"', 'true', '-0.5e3');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');

      expect(findBreak(text) !== undefined && isJson(text)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('a very long text is not looked through again', () => {
  expect(findBreak(`${' '.repeat(256 * 1024)}x`)).toBeUndefined();
});
