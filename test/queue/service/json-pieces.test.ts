import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { Base64, jsonPieces, pieceBytes } from '../../../src/queue/service/json-pieces.js';

const textOf = (value: unknown) => [...jsonPieces(value)].join('');

/** The same in one go: fingerprints that are stored were made of this text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return `{${entries
    .map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`)
    .toSorted()
    .join()}}`;
}

test('JSON in pieces is the text that fingerprints were always made of', () => {
  const names = fc.stringMatching(/^[A-Za-z_]{1,8}$/);
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(names, fc.option(tie('value'), { nil: undefined }), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  })).value;
  fc.assert(
    fc.property(values, (value) => {
      expect(textOf(value)).toBe(canonical(value));
    }),
  );
});

test.each([
  ['letters', 'a'],
  ['characters of two units, cut at any place', 'x😀'],
  ['characters with escapes', '\n"\\'],
])('a long text in pieces is the same text: %s', (_, unit) => {
  const text = unit.repeat(200_000);

  expect(textOf({ text })).toBe(JSON.stringify({ text }));
});

test('bytes are written as the text that they are, and base64 is made on the way', () => {
  const bytes = Buffer.from('QUJD\n'.repeat(50_000));

  expect(textOf([bytes])).toBe(JSON.stringify([String(bytes)]));
  expect(textOf(new Base64('targz,', bytes))).toBe(`"targz,${bytes.toString('base64')}"`);
  expect(textOf({ token: new Secret('s.x') })).toBe('{"token":"s.x"}');
});

test('no piece is much longer than it should be, however long a text is', () => {
  const long = 'a'.repeat(3_000_000);
  const value = { long, list: Array.from({ length: 5000 }, () => 'b'.repeat(100)), bytes: Buffer.from(long) };

  const sizes = [...jsonPieces(value)].map(({ length }) => length);

  expect(Math.max(...sizes)).toBeLessThanOrEqual(3 * pieceBytes);
  expect(sizes.length).toBeLessThan(400);
});
