import { expect, test } from 'vitest';
import {
  callbackToken,
  instanceOf,
  isSecretOf,
  parseCallbackToken,
} from '../../../../../src/api/lopco/pipeline/workers/secret.js';

const key = new Uint8Array(32).fill(1);
const job = '0123456789abcdef01234567';

test('a secret is right for its worker of its job, and for no other', () => {
  const token = parseCallbackToken(callbackToken(key, job, 'one'));

  expect(token?.job).toBe(job);
  expect(token && isSecretOf(key, token, 'one')).toBe(true);
  expect(token && isSecretOf(key, token, 'two')).toBe(false);
  expect(token && isSecretOf(key, { ...token, job: '1123456789abcdef01234567' }, 'one')).toBe(false);
  expect(token && isSecretOf(new Uint8Array(32), token, 'one')).toBe(false);
});

test.each(['', 'wrong', job, `${job}.`, `${job}.short`, `x${callbackToken(key, job, 'one')}`])(
  '%j is no secret',
  (text) => {
    expect(parseCallbackToken(text)).toBeUndefined();
  },
);

test('every worker has an instance of its own', () => {
  const places = [0, 1, 11].flatMap((stage) => [0, 1, 11].map((worker) => ({ job, stage, worker })));

  expect(new Set(places.map((place) => instanceOf(key, place))).size).toBe(9);
});
