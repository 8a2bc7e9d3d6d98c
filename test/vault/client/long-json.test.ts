import * as fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { atOnce } from '../../../src/job/payload/steps.js';
import { readJson, writeJson } from '../../../src/vault/client/long-json.js';

const long = 'QUJD'.repeat(50_000);
afterEach(() => vi.restoreAllMocks());

test('an answer is read as the parser reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const text = JSON.stringify(value);

      expect(atOnce(readJson(Buffer.from(text)))).toEqual(JSON.parse(text));
    }),
  );
});

test('a long text of an answer is left as its bytes where they are, and never becomes a text', () => {
  const bytes = Buffer.from(
    JSON.stringify({ data: { short: 'a"b', list: [long], payload: `vault:v1:${long}` } }),
  );
  const parse = vi.spyOn(JSON, 'parse');

  const { data } = atOnce(readJson(bytes)) as { data: Record<string, Uint8Array> };

  expect(parse.mock.calls.every(([text]) => text.length < 500)).toBe(true);
  expect(Buffer.from(data.payload ?? []).toString()).toBe(`vault:v1:${long}`);
  expect(data.payload?.buffer).toBe(bytes.buffer);
  expect(data.short).toBe('a"b');
});

test('a long text with escapes stays a text, and a cut answer is refused', () => {
  const text = JSON.stringify({ data: `${long}\n"` });

  expect(atOnce(readJson(Buffer.from(text)))).toEqual({ data: `${long}\n"` });
  expect(() => atOnce(readJson(Buffer.from(text.slice(0, -5))))).toThrow(SyntaxError);
});

test('an answer with a million small values is refused before it is parsed', () => {
  const parse = vi.spyOn(JSON, 'parse');

  expect(() => atOnce(readJson(Buffer.from(`{"data":[${'0,'.repeat(1_000_000)}0]}`)))).toThrow(RangeError);
  expect(parse).not.toHaveBeenCalled();
});

test('what is written is what the encoder writes, with bytes as the text that they are', () => {
  const fields = { a: 1, text: 'ж"', gone: undefined, bytes: Buffer.from(long), list: [null] };

  expect(Buffer.concat(writeJson(fields)).toString()).toBe(JSON.stringify({ ...fields, bytes: long }));
  expect(Buffer.concat(writeJson({ a: undefined })).toString()).toBe('{}');
});

test('long bytes are sent as they are, never copied to what stands around them', () => {
  const [ciphertext, other] = [Buffer.from(long), Buffer.from(long)];

  const parts = writeJson({ ciphertext, other, b: 1 });

  expect(parts[1]).toBe(ciphertext);
  expect(parts[3]).toBe(other);
  expect(parts).toHaveLength(5);
});
