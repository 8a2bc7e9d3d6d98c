// Shows that a body full of one sign never becomes a long text, which takes V8 twice its bytes and more.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ParsedObject, parseJsonObject } from '../../../src/api/request/json.js';
import { jsonBounds } from '../../../src/api/request/json-scan.js';
import { decodeContent } from '../../../src/job/content.js';

/** More than what may stand beside long texts. */
const bytes = 1.5 * jsonBounds.restBytes;
/** A piece that is decoded in one go, and what it grows by. */
const longestText = 256 * 1024;

afterEach(() => vi.restoreAllMocks());

/** The longest text that was made of bytes, or parsed, until it is asked. */
function watchTexts(): () => number {
  const parsed = vi.spyOn(JSON, 'parse');
  const made = vi.spyOn(Buffer.prototype, 'toString');
  return () =>
    Math.max(
      0,
      ...parsed.mock.calls.map(([text]) => text.length),
      ...made.mock.results.map(({ value }) => String(value).length),
    );
}

const filled = (before: string, sign: string, behind: string) =>
  Buffer.from(before + sign.repeat(bytes / Buffer.byteLength(sign)) + behind);

const places = [
  ['content', '{"content":"', '"}'],
  ['a field that is no content', '{"wrap_secret_id":"', '"}'],
  ['a list', '{"run":["', '"]}'],
  ['an object in a field', '{"a":{"b":"', '"}}'],
  ['a name', '{"', '":1}'],
  ['between the fields', '{"a":1', ',"b":2}'],
  ['behind the whole', '{"a":1}', ''],
] as const;
const signs = ['\\n', '\n', ' ', '\\"', '"', '\\\\', '\\u00e9', 'é', ',', '['];

describe.each(places)('A2: a large body full of one sign in %s', (_, before, behind) => {
  test.each(signs)('%j', async (sign) => {
    const body = filled(before, sign, behind);
    const longest = watchTexts();

    const parsed = await parseJsonObject(body, 'the body');

    expect(longest()).toBeLessThanOrEqual(longestText);
    expect(parsed).toSatisfy((it: ParsedObject) => isSmall(it, body));
  });
});

/** A problem in few words, or numbers and long texts that were decoded where they stood. */
function isSmall(parsed: ParsedObject, body: Buffer): boolean {
  if ('problem' in parsed) return parsed.problem.length < 200;
  return Object.values(parsed.object).every(
    (value) => typeof value === 'number' || (value instanceof Uint8Array && value.buffer === body.buffer),
  );
}

test.each(['\n', ' ', '"', '='])('A2: content of nothing but %j is refused in few words', async (sign) => {
  const content = Buffer.alloc(bytes, sign);
  const longest = watchTexts();

  const refused: Error = await decodeContent(content).then(
    () => new Error('It was decoded.'),
    (error: Error) => error,
  );

  expect(refused.message).toMatch(/content/);
  expect(refused.message.length).toBeLessThan(300);
  expect(longest()).toBeLessThanOrEqual(longestText);
});

test('A2: as many escaped line ends as a body may hold are decoded piece by piece, where they stand', async () => {
  const text = 'abc\\n'.repeat(jsonBounds.escapes);
  const body = Buffer.from(`{"content":"${text}"}`);
  const longest = watchTexts();

  const parsed = (await parseJsonObject(body, 'the body')) as { object: { content: Uint8Array } };

  expect(longest()).toBeLessThanOrEqual(longestText);
  expect(parsed.object.content.length).toBe(4 * jsonBounds.escapes);
  expect(parsed.object.content.buffer).toBe(body.buffer);
});
