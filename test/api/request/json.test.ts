import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson, parseJsonObject } from '../../../src/api/request/json.js';
import { jsonBounds } from '../../../src/api/request/json-scan.js';
import { countTurns } from '../../support/turns.js';

const read = (text: string) => parseJsonObject(Buffer.from(text), 'it');

test('a JSON object is read as the parser reads it', async () => {
  const objects = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }));
  await fc.assert(
    fc.asyncProperty(objects, async (object) => {
      const text = JSON.stringify(object, null, 1);

      expect(await read(text)).toEqual({ object: JSON.parse(text) });
    }),
  );
});

test('a JSON object never makes anything throw, whatever the text is', async () => {
  const pieces = fc.constantFrom(...'{}[]"\\:,a 1', '\\"', '\\u0061', '\u{10000}');
  await fc.assert(
    fc.asyncProperty(fc.array(pieces), async (parts) => {
      const parsed = await read(parts.join(''));

      expect('object' in parsed || parsed.problem).toBeTruthy();
    }),
  );
});

/** Pieces whose borders fall into escapes and characters of several bytes. */
const oddPieces = ['a', '"', '\\', '\\\\"', '\n', '\u0001', 'é', 'ж', '€', '😀', '/'];

/** A long text of a field is left as its bytes. */
const withoutBytes = (object: object) =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    ]),
  );

test('a JSON object with long texts is read as the parser reads it, wherever they are cut', async () => {
  const texts = fc.array(fc.constantFrom(...oddPieces), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 0, max: 20 }), async (parts, shift) => {
      const long = 'x'.repeat(shift) + parts.join('').repeat(Math.ceil(150_000 / parts.join('').length));
      const object = { first: long, run: [long.slice(0, 70_000)], [`n${shift}`]: long };

      const json = JSON.stringify(object).replaceAll('😀', '\\ud83d\\ude00');
      const parsed = await parseJsonObject(Buffer.from(json), 'it', { pieceBytes: 1000 });
      expect('object' in parsed && withoutBytes(parsed.object)).toEqual(object);
    }),
    { numRuns: 50 },
  );
});

test.each(['a', '__proto__', 'é"\\n', ''])(
  'a long text is found under the name %j, among others',
  async (name) => {
    const long = 'x'.repeat(70_000);
    const json = `{"b":{"a":1},${JSON.stringify(name)}:"${long}","c":[":",{"d":2}]}`;

    const parsed = await read(json);

    expect('object' in parsed && withoutBytes(parsed.object)).toEqual(withoutBytes(JSON.parse(json)));
  },
);

test('a JSON object may begin with a byte order mark', async () => {
  expect(await read('\ufeff{"a":1}')).toEqual({ object: { a: 1 } });
});

test('a JSON object is refused when its bytes are no UTF-8', async () => {
  expect(await parseJsonObject(Buffer.from([0x7b, 0xff, 0x7d]), 'it')).toEqual({
    problem: 'Expected it to be text in UTF-8, got other bytes.',
  });
});

test.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":1,"\\u0061"  :2}', 'a'],
  ['{"a":{"b":1},"b":2,"a":{}}', 'a'],
  ['{"a\\"":"a","a\\"":1}', 'a\\"'],
])('a JSON object is refused when it names a field twice: %s', async (text, name) => {
  expect(await read(text)).toEqual({
    problem: `Expected it to name each field once, got "${name}" twice.`,
  });
});

test.each(['{"a":"a","b":"a"}', '{"a":{"a":{"a":1}}}', '{"a":[{"b":1},{"b":1}]}', '{"a":":","b":"a:"}'])(
  'a JSON object may use a name again elsewhere: %s',
  async (text) => {
    expect(await read(text)).toEqual({ object: JSON.parse(text) });
  },
);

test.each([
  ['nothing', ' \n', 'to be JSON, got nothing'],
  ['a cut text', '{"a":"b', 'to be JSON, got text that ends too early'],
  ['a cut object', '{"a":["b"', 'to be JSON, got text that ends too early'],
  ['no JSON', 'qname=demo', 'to be JSON, got something else'],
  ['a text', '"a"', 'to be a JSON object, got a text'],
  ['null', 'null', 'to be a JSON object, got nothing'],
])('a JSON object is refused when it is %s', async (_, text, problem) => {
  expect(await read(text)).toEqual({ problem: `Expected it ${problem}.` });
});

test.each([
  ['{"job":{"a":1,"a":2}}', 'a'],
  ['{"job":{"environment":{"B":"1","\\u0042":"2"}}}', 'B'],
  ['{"job":{"ports":[{"c":1},{"c":2,"c":3}]}}', 'c'],
])('a field that stands twice further in is found where the depth is told: %s', async (text, name) => {
  expect(await parseJsonObject(Buffer.from(text), 'it', { namesDepth: 4 })).toEqual({
    problem: `Expected it to name each field once, got "${name}" twice.`,
  });
  expect(await read(text)).toEqual({ object: JSON.parse(text) });
});

test('objects side by side, or in each other, may have the same names', async () => {
  const text = '{"a":{"a":{"a":[{"a":1},{"a":2}]}},"b":{"a":1}}';

  expect(await parseJsonObject(Buffer.from(text), 'it', { namesDepth: 9 })).toEqual({
    object: JSON.parse(text),
  });
});

test('where a text stops being JSON is told by the character, counted from 1', async () => {
  const text = '{"a":{"b":0.2,\n}}';

  expect(await parseJsonObject(Buffer.from(text), 'it', { isShort: true })).toEqual({
    problem: 'Expected it to be JSON, got something else at character 16.',
  });
});

test('a JSON text that is no object is read where any value will do', async () => {
  expect(await parseJson(Buffer.from('[{"a":1}]'), 'it')).toEqual({ value: [{ a: 1 }] });
});

test('the texts of a short whole stay texts, however long one of them is', async () => {
  const object = { command: 'x'.repeat(100_000) };

  expect(await parseJson(Buffer.from(JSON.stringify(object)), 'it', { isShort: true })).toEqual({
    value: object,
  });
});

test.each([
  ['escapes', `{"a":"${'\\n'.repeat(500_000)}"}`, 50],
  ['values', `{"a":[${'"",'.repeat(jsonBounds.values - 2)}""]}`, 8],
  [
    'names',
    JSON.stringify(
      Object.fromEntries(
        Array(jsonBounds.values - 1)
          .fill(1)
          .entries(),
      ),
    ),
    50,
  ],
])('others are served often while very many %s are read', async (_, text, turns) => {
  const endTurns = countTurns();

  expect(await read(text)).toHaveProperty('object');

  expect(endTurns()).toBeGreaterThanOrEqual(turns);
});
