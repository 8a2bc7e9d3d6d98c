import { expect, test } from 'vitest';
import { withIdentity } from '../../../src/job/naming/identity-env.js';

const wanted = { JOB_NAME: 'name', JOB_UUID: 'id' } as const;

test('the variables of a job come after those that tell it its own', () => {
  expect(withIdentity(['A=1'], wanted, { id: 'i1', name: 'n1', run: undefined })).toEqual([
    'JOB_NAME=n1',
    'JOB_UUID=i1',
    'A=1',
  ]);
});

test('a job may set such a variable itself, and what is not known is left out', () => {
  expect(withIdentity(['JOB_UUID=mine'], wanted, { id: 'i1', name: undefined, run: undefined })).toEqual([
    'JOB_UUID=mine',
  ]);
  expect(withIdentity(undefined, wanted, { id: 'i1', name: 'n1', run: undefined })).toEqual([
    'JOB_NAME=n1',
    'JOB_UUID=i1',
  ]);
});
