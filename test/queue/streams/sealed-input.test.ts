import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openInput, sealInput } from '../../../src/queue/streams/sealed-input.js';

const key = randomBytes(32);
const place = { jobId: 'job-1', pipe: '' };
const bytes = Buffer.from('größe\0\xff', 'latin1');

test('what was sealed for a job is opened for it, and each time looks different', () => {
  const [one, other] = [sealInput(key, place, bytes), sealInput(key, place, bytes)];

  expect(openInput(key, place, one)).toEqual(bytes);
  expect(openInput(key, place, other)).toEqual(bytes);
  expect(one).not.toEqual(other);
});

test('the input of one job is not opened for another, nor for one of its pipes, nor with another key', () => {
  const sealed = sealInput(key, place, bytes);

  expect(openInput(key, { ...place, jobId: 'job-2' }, sealed)).toBeUndefined();
  expect(openInput(key, { ...place, pipe: 'ctl' }, sealed)).toBeUndefined();
  expect(openInput(randomBytes(32), place, sealed)).toBeUndefined();
});

test.each([0, 11, 12, 27, 28, 29])('what is only %i bytes long is opened for nobody', (length) => {
  expect(openInput(key, place, sealInput(key, place, bytes).subarray(0, length))).toBeUndefined();
});
