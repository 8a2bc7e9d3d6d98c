import { expect, test } from 'vitest';
import { jsonText, parseJson } from '../../../src/vault/client/exact-json.js';

const numbers = [
  '0',
  '-0',
  '1',
  '1.0',
  '1e3',
  '0.10',
  '12345678901234567890',
  '9007199254740993',
  '-1.5E-7',
  '1e400',
];

test.each(numbers)('the number %s is still written the same', (literal) => {
  const parsed = parseJson(`{"n":${literal}}`) as { n: unknown };

  expect(jsonText(parsed.n)).toBe(literal);
});

test('a number inside of lists and objects is still written the same', () => {
  const text = '{"a":[1.0,{"b":12345678901234567890}],"c":"1.0"}';

  expect(jsonText(parseJson(text))).toBe(text);
});

test('numbers in texts are left alone, whatever stands around them', () => {
  const value = { a: '1.0', b: 'say "1.0" \\', c: '\\"1.0', '1.0': '' };

  expect(parseJson(JSON.stringify(value))).toEqual(value);
});

test('numbers that JavaScript knows exactly stay numbers', () => {
  expect(parseJson('{"lease_duration":3600}')).toEqual({ lease_duration: 3600 });
});

test.each([
  ['text', '"text"'],
  ['', '""'],
  ['true', 'true'],
  ['null', 'null'],
  ['[1,"a"]', '[ 1, "a" ]'],
  ['{"a":{"b":null}}', '{"a": {"b": null}}'],
  ['{}', '{}'],
])('the value is written as %s', (written, json) => {
  expect(jsonText(parseJson(json))).toBe(written);
});

test('what is no JSON is refused', () => {
  expect(() => parseJson('{"a":')).toThrow(SyntaxError);
});

/** In time that grows with the square of its length this would take hours: the time limit of a test is enough. */
test('a text of many megabytes is parsed within a test', () => {
  const long = 'x"\\'.repeat(5_000_000);

  expect(parseJson(JSON.stringify({ long, n: 1.5 }))).toMatchObject({ n: 1.5 });
});
