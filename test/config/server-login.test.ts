import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.js';
import { Secret } from '../../src/job/secret.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};
const role = { STINT_SERVER_ROLE_ID: 'r', STINT_SERVER_SECRET_ID: 's' };
const jwtFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const machine = { cores: 1, isRoot: false, home: '/home/me', readFile: () => 'from-file\n' };

test.each([
  [
    'an AppRole',
    role,
    { method: 'approle', secretId: new Secret('s'), secretIdFile: undefined, isWrapped: false },
  ],
  [
    'a file with a SecretID, which is remembered',
    { STINT_SERVER_ROLE_ID: 'r', STINT_SERVER_SECRET_ID_FILE: '/run/s', STINT_SERVER_WRAPPED: 'true' },
    { method: 'approle', secretId: new Secret('from-file'), secretIdFile: '/run/s', isWrapped: true },
  ],
  ['a file with a token', { STINT_SERVER_TOKEN_FILE: '/run/t' }, { method: 'token', file: '/run/t' }],
  [
    'a role of the Kubernetes method',
    { STINT_SERVER_KUBERNETES_ROLE: 'stint' },
    { method: 'kubernetes', mount: 'kubernetes', role: 'stint', jwtFile },
  ],
] as const)("the server's own login by %s", (_, env, login) => {
  expect(readConfig({ ...needed, ...env }, machine).vault.serverLogin).toMatchObject(login);
});

test('the server has no login of its own unless it is given one', () => {
  expect(readConfig(needed, machine).vault).toMatchObject({
    serverLogin: undefined,
    databaseCredentials: undefined,
  });
});

test('logins at Postgres come from a path in Vault', () => {
  const env = { ...needed, ...role, STINT_DATABASE_CREDENTIALS: 'team/database/creds/stint' };

  expect(readConfig(env, machine).vault.databaseCredentials).toBe('team/database/creds/stint');
});

test.each([
  [
    { STINT_SERVER_TOKEN_FILE: '/t', STINT_SERVER_KUBERNETES_ROLE: 'r' },
    'got both STINT_SERVER_TOKEN_FILE and STINT_SERVER_KUBERNETES_ROLE',
  ],
  [{ STINT_DATABASE_CREDENTIALS: 'd/creds/s' }, "Expected a login of the server's own"],
  [{ ...role, STINT_DATABASE_CREDENTIALS: '/d/creds/s' }, 'to be a path in Vault such as'],
  [{ ...role, STINT_DATABASE_CREDENTIALS: 'd/../s' }, 'to be a path in Vault such as'],
  [
    { ...role, STINT_DATABASE_CREDENTIALS: 'd/creds/s', STINT_DATABASE_URL: 'postgres://me:pw-hunter2@db/x' },
    'Expected STINT_DATABASE_URL to name no user',
  ],
])('settings that do not go together are told: %o', (env, problem) => {
  let told = '';
  try {
    readConfig({ ...needed, ...env }, machine);
  } catch (error) {
    told = error instanceof ConfigError ? error.message : '';
  }

  expect(told).toContain(problem);
  expect(told).not.toContain('hunter2');
});
