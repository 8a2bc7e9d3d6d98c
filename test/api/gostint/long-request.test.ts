import { afterEach, expect, test, vi } from 'vitest';
import { readJobRequest } from '../../../src/api/gostint/request.js';
import { jsonBounds } from '../../../src/api/request/json-scan.js';
import { decodeContent } from '../../../src/job/content.js';
import { strictPolicy } from '../../../src/job/options/policy.js';

const owner = { key: 'k', displayName: 'n' };
afterEach(() => vi.restoreAllMocks());

/** The longest text that is made of bytes, parsed, or written as JSON from now on. */
function watchTexts(): () => number {
  let longest = 0;
  const note = (text: unknown) => {
    if (typeof text === 'string') longest = Math.max(longest, text.length);
    return text as string;
  };
  const decode = Buffer.prototype.toString;
  vi.spyOn(Buffer.prototype, 'toString').mockImplementation(function (this: Buffer, ...args) {
    return note(decode.apply(this, args));
  });
  const { parse } = JSON;
  vi.spyOn(JSON, 'parse').mockImplementation((text, ...rest) => parse(note(text), ...rest));
  return () => longest;
}

const bodyOf = (fields: object) => Buffer.from(JSON.stringify({ wrap_secret_id: 's.x', ...fields }));

test.each([
  ['plain', (text: string) => text],
  ['with escapes', (text: string) => text.replaceAll('/', '\\/')],
  ['with line breaks', (text: string) => text.replace(/.{76}/g, '$&\\n')],
])('the long texts of a request never become one text of V8, and are held once: %s', async (_, write) => {
  const archive = Buffer.from(Array.from({ length: 1_500_000 }, (__, index) => (index * 31) % 251));
  const base64 = archive.toString('base64');
  const json = `{"wrap_secret_id":"s.x","CONTENT":"targz,${write(base64)}","payload":"vault:v1:${base64}"}`;
  const body = Buffer.from(json);
  const longest = watchTexts();

  const { fields, payload } = await readJobRequest(body, owner, () => strictPolicy);
  const ciphertext = payload.kind === 'ciphertext' ? payload.ciphertext : '';
  const content = await decodeContent(fields.content ?? '');

  expect(longest()).toBeLessThanOrEqual(256 * 1024);
  expect([content.buffer, (ciphertext as Uint8Array).buffer]).toEqual([body.buffer, body.buffer]);
  vi.restoreAllMocks();
  expect(archive.equals(content)).toBe(true);
  expect(Buffer.from(ciphertext).toString()).toBe(`vault:v1:${base64}`);
});

test.each([
  ['qname', 'a text of at most 65536 bytes'],
  ['container_image', 'a text of at most 65536 bytes'],
  ['wrap_secret_id', 'a text of at most 65536 bytes'],
  ['image_pull_policy', '`Always`, `IfNotPresent` or `Never`'],
  ['run', 'a list of texts'],
  ['tty', '`true` or `false`'],
])('a long text elsewhere is refused by the name of its field: %s', async (field, expected) => {
  const longest = watchTexts();

  const reading = readJobRequest(bodyOf({ [field]: 'ж'.repeat(100_000) }), owner, () => strictPolicy);

  await expect(reading).rejects.toThrow(`Expected \`${field}\` to be ${expected}, got a longer text.`);
  expect(longest()).toBeLessThan(2_000);
});

test('a long text that is no ciphertext is refused', async () => {
  await expect(
    readJobRequest(bodyOf({ payload: `vault:v1:${'a'.repeat(2_000_000)}!` }), owner, () => strictPolicy),
  ).rejects.toThrow('Expected `payload` to be a ciphertext of the transit engine');
});

test.each([
  ['long texts in a list', { env_vars: Array.from({ length: 50 }, () => 'A'.repeat(100_000)) }],
  ['one in an object that nobody reads', { other: { long: '😀'.repeat(1_500_000) } }],
])('a body with too much beside its long texts is refused before it is parsed: %s', async (_, fields) => {
  const longest = watchTexts();

  const reading = readJobRequest(bodyOf(fields), owner, () => strictPolicy);

  await expect(reading).rejects.toThrow(
    `Expected the body to hold at most ${jsonBounds.restBytes} bytes beside long texts, got more.`,
  );
  expect(longest()).toBeLessThan(2_000);
});
