import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findInFiles, findInText } from './canary-search.js';

const value = 'CANARY "é/+&-4711';
const canaries = new Map([
  ['value', value],
  ['other', 'never-written-anywhere'],
]);
const base64 = [0, 1, 2].map((offset) => Buffer.from(`${'x'.repeat(offset)}${value}y`).toString('base64'));
const written = [
  value,
  ...base64,
  ...base64.map((each) => each.replaceAll('+', '-').replaceAll('/', '_')),
  Buffer.from(value).toString('hex'),
  Buffer.from(value).toString('hex').toUpperCase(),
  `?a=${encodeURIComponent(value)}&b`,
  JSON.stringify({ a: value }),
  JSON.stringify(value).replace('&', '\\u0026'),
  JSON.stringify(value).replace('é', '\\u00e9'),
];

test.each(written)('a canary is found in %s, in a text and in a file', async (form) => {
  const directory = await mkdtemp(join(tmpdir(), 'stint-canary-'));
  await writeFile(
    join(directory, 'file'),
    Buffer.concat([Buffer.alloc(100), Buffer.from(form), Buffer.from([0xff, 0])]),
  );

  expect(findInText(canaries, 'text', `\0${form}\n`)).toEqual(['value in text']);
  expect(await findInFiles(canaries, [directory])).toEqual([`value in ${join(directory, 'file')}`]);
  await rm(directory, { recursive: true });
});
