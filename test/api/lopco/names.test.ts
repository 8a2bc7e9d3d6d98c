import { expect, test } from 'vitest';
import { isJobName, jobNameOf } from '../../../src/api/lopco/names.js';

const seedHash =
  '502a515f3b0c661ae0532da64863157a4e7c2b908351a15de1e59dc6fa0327ed695a9708ebaf312a1dd70617b573af6b52f45a380ccb29a3104f85560a102477';
const hash =
  '0c9a334fde5633d25516fef0fcc7204c012442fa960634d419e2e5c6d8a21e1c8b4201d7980147ad9fbeb046ca6b35622e89cabc253a4b33eabd620a7e327ced';
const other =
  'd490239a31f9d6f21a200de9334f2cc3dab433be5d3be0f9a3505e333b1b893db4b2421a6cfc0620b0d63a9db00105f67f92059b3d7e8063cc0373d61a3646ee';

test.each([
  ['735d39eb6dc94acdadc9d019ff54fb1f', seedHash, 'UVpxMTeqgMijLlbmNI8A_A'],
  ['press-07', hash, '6U4sncrMsMCMJ6Wb-AvapQ'],
  ['press-07', other, 'HdTJIXvynL6rPoRXg191Gw'],
])('the id of a job is that of the original', (machine, given, id) => {
  expect(jobNameOf(machine, given)).toBe(id);
  expect(isJobName(id)).toBe(true);
});

test('the id that is valid at every door is none of these', () => {
  expect(isJobName('0123456789abcdef01234567')).toBe(false);
});
