import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};

test('Vault is asked for rights below `stint`, and submitting needs none', () => {
  expect(readConfig(needed)).toMatchObject({ rightsPath: 'stint', submitNeedsRight: false });
  expect(readConfig({ ...needed, STINT_RIGHTS_PATH: 'apps/stint' }).rightsPath).toBe('apps/stint');
  expect(readConfig({ ...needed, STINT_RIGHTS: 'false' }).rightsPath).toBeUndefined();
});

test.each([
  ['a path with a wildcard', { STINT_RIGHTS_PATH: 'stint/+' }, /STINT_RIGHTS_PATH/],
  ['a path that ends with a slash', { STINT_RIGHTS_PATH: 'stint/' }, /STINT_RIGHTS_PATH/],
  ['a path that leads up', { STINT_RIGHTS_PATH: '../stint' }, /STINT_RIGHTS_PATH/],
  [
    'a right to submit that nobody is asked for',
    { STINT_SUBMIT_NEEDS_RIGHT: 'true', STINT_RIGHTS: 'false' },
    /STINT_RIGHTS to be true with STINT_SUBMIT_NEEDS_RIGHT/,
  ],
])('%s is refused', (_, settings, problem) => {
  expect(() => readConfig({ ...needed, ...settings })).toThrow(problem);
});
