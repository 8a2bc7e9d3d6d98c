import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openInput, sealInput } from '../../../src/queue/streams/sealed-input.js';

const key = randomBytes(32);
const bytes = Buffer.from('größe\0\xff', 'latin1');

test('what was sealed for a job is opened for it, and each time looks different', () => {
  const [one, other] = [sealInput(key, 'job-1', bytes), sealInput(key, 'job-1', bytes)];

  expect(openInput(key, 'job-1', one)).toEqual(bytes);
  expect(openInput(key, 'job-1', other)).toEqual(bytes);
  expect(one).not.toEqual(other);
});

test('the input of one job is not opened for another, nor with another key', () => {
  const sealed = sealInput(key, 'job-1', bytes);

  expect(openInput(key, 'job-2', sealed)).toBeUndefined();
  expect(openInput(randomBytes(32), 'job-1', sealed)).toBeUndefined();
});

test.each([0, 11, 12, 27, 28, 29])('what is only %i bytes long is opened for nobody', (length) => {
  expect(openInput(key, 'job-1', sealInput(key, 'job-1', bytes).subarray(0, length))).toBeUndefined();
});
