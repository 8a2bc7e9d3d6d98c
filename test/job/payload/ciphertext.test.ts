import { expect, test } from 'vitest';
import { isCiphertext } from '../../../src/job/payload/ciphertext.js';

const long = 'A'.repeat(200_000);

test.each([
  'vault:v1:QUJD',
  'vault:v12:QUI=',
  'vault:v1:QQ==',
  'vault:v1:A',
  `vault:v1:${long}`,
  Buffer.from(`vault:v1:${long}==`),
])('a ciphertext of the transit engine is one, as text and as bytes', async (text) => {
  expect(await isCiphertext(text)).toBe(true);
});

test.each([
  '',
  'vault:v1:',
  'vault:v1:=',
  'vault:v1:A===',
  'vault:v1:A=A=',
  'vault:v:QUJD',
  'Vault:v1:QUJD',
  'vault:v1:QU JD',
  'vault:v1:QUJD\n',
  `vault:v1:${long}=${long}`,
  Buffer.from(`vault:v1:${long}-${long}`),
])('anything else is none', async (text) => {
  expect(await isCiphertext(text)).toBe(false);
});
