import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  type HeadDocument,
  headText,
  isSignedBy,
  parseHead,
  toHeadJson,
} from '../../../src/job/audit/head.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const shownKey = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
const head = {
  installation: 'a'.repeat(64),
  number: '7',
  head: 'b'.repeat(64),
  takenAt: '2026-01-02T03:04:05.678Z',
};
const signed: HeadDocument = {
  ...head,
  key: 'stint-audit',
  keyVersion: 1,
  publicKey: shownKey,
  signature: sign(null, Buffer.from(headText(head)), privateKey).toString('base64'),
};

test('A6: the text that is signed is five lines', () => {
  expect(headText(head)).toBe(
    `stint head 1\n${'a'.repeat(64)}\n7\n${'b'.repeat(64)}\n2026-01-02T03:04:05.678Z\n`,
  );
});

test.each([signed, head])('A6: an exported head is read as it was', (document) => {
  expect(parseHead(JSON.stringify(toHeadJson(document)))).toEqual(document);
});

test('A6: a signature counts for this head and this key only', () => {
  expect(isSignedBy(shownKey, signed)).toBe(true);
  const others = [
    { ...signed, installation: 'c'.repeat(64) },
    { ...signed, number: '8' },
    { ...signed, head: 'c'.repeat(64) },
    { ...signed, takenAt: '2026-01-02T03:04:05.679Z' },
    { ...signed, signature: Buffer.alloc(64).toString('base64') },
    { ...signed, signature: '' },
    head,
  ];
  expect(others.filter((other) => isSignedBy(shownKey, other))).toEqual([]);
  expect(
    ['', 'nonsense', Buffer.alloc(32, 7).toString('base64')].filter((key) => isSignedBy(key, signed)),
  ).toEqual([]);
});

test.each([
  ['nonsense', 'Expected the head to be a JSON object'],
  ['[]', 'Expected a head with the format "stint head 1"'],
  [JSON.stringify({ ...toHeadJson(head), number: '-1' }), 'Expected `number` of the head'],
  [JSON.stringify({ ...toHeadJson(head), head: 'b\n' }), 'Expected `head` of the head'],
  [JSON.stringify({ ...toHeadJson(head), taken_at: 'today' }), 'Expected `taken_at` of the head'],
])('the head %s is refused', (text, message) => {
  expect(() => parseHead(text)).toThrow(message);
});
