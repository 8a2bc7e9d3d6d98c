import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};

test('a printed secret is masked and named, and by setting the token of its job is revoked', () => {
  expect(readConfig(needed).revokesPrinted).toBe(false);
  expect(readConfig({ ...needed, STINT_ON_SECRET_IN_OUTPUT: 'revoke' }).revokesPrinted).toBe(true);
});

test('A3: revoking what is printed is refused where nobody looks for it', () => {
  const settings = { STINT_ON_SECRET_IN_OUTPUT: 'revoke', STINT_MASK_OUTPUT: 'false' };

  expect(() => readConfig({ ...needed, ...settings })).toThrow(/STINT_MASK_OUTPUT=true/);
});
