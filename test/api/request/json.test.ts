import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/api/request/json.js';

test('a JSON object is read as the parser reads it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 })), (object) => {
      const text = JSON.stringify(object, null, 1);

      expect(parseJsonObject(text, 'it')).toEqual({ object: JSON.parse(text) });
    }),
  );
});

test('a JSON object never makes anything throw, whatever the text is', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ':',
    ',',
    'a',
    ' ',
    '1',
    '\\"',
    '\\u0061',
    '\u{10000}',
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const parsed = parseJsonObject(parts.join(''), 'it');

      expect('object' in parsed || parsed.problem).toBeTruthy();
    }),
  );
});

test.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":1,"\\u0061"  :2}', 'a'],
  ['{"a":{"b":1},"b":2,"a":{}}', 'a'],
  ['{"a\\"":"a","a\\"":1}', 'a\\"'],
])('a JSON object is refused when it names a field twice: %s', (text, name) => {
  expect(parseJsonObject(text, 'it')).toEqual({
    problem: `Expected it to name each field once, got "${name}" twice.`,
  });
});

test.each(['{"a":"a","b":"a"}', '{"a":{"a":{"a":1}}}', '{"a":[{"b":1},{"b":1}]}', '{"a":":","b":"a:"}'])(
  'a JSON object may use a name again elsewhere: %s',
  (text) => {
    expect(parseJsonObject(text, 'it')).toEqual({ object: JSON.parse(text) });
  },
);

test.each([
  ['nothing', ' \n', 'to be JSON, got nothing'],
  ['a cut text', '{"a":"b', 'to be JSON, got text that ends too early'],
  ['a cut object', '{"a":["b"', 'to be JSON, got text that ends too early'],
  ['no JSON', 'qname=demo', 'to be JSON, got something else'],
  ['a text', '"a"', 'to be a JSON object, got a text'],
  ['null', 'null', 'to be a JSON object, got nothing'],
])('a JSON object is refused when it is %s', (_, text, problem) => {
  expect(parseJsonObject(text, 'it')).toEqual({ problem: `Expected it ${problem}.` });
});

test('a JSON object is refused when it is nested too deep, at once', () => {
  const text = `{"a":${'['.repeat(5_000_000)}`;
  const began = performance.now();

  expect(parseJsonObject(text, 'it')).toEqual({
    problem: 'Expected it to be nested at most 64 levels deep, got more.',
  });
  expect(performance.now() - began).toBeLessThan(1000);
});

test('a JSON object is refused when it holds too much to build', () => {
  const text = `{"a":[${'"",'.repeat(200_000)}""]}`;

  expect(parseJsonObject(text, 'it')).toMatchObject({
    problem: expect.stringContaining('at most 100000 texts'),
  });
});

test('a JSON object with a long text is read fast', () => {
  const text = JSON.stringify({ content: 'A'.repeat(30_000_000), slashes: '\\'.repeat(1_000_000) });
  const began = performance.now();

  expect(parseJsonObject(text, 'it')).toHaveProperty('object');
  expect(performance.now() - began).toBeLessThan(2000);
});
