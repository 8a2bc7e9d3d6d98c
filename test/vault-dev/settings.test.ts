import { expect, test } from 'vitest';
import { clientHint, exportLines, readAccess } from '../../vault-dev/bootstrap/settings.js';
import { BootstrapError } from '../../vault-dev/bootstrap.js';

const good = { VAULT_ADDR: 'https://vault.example:8200/', VAULT_TOKEN: 'hvs.root' };
const setup = {
  appRoleMount: 'approle',
  transitMount: 'transit',
  roleName: 'stint-job',
  roleId: 'role-1',
  transitKey: 'stint-job',
  auditKey: 'stint-audit',
  serverRoleId: 'role-2',
  serverSecretId: "it's",
  clientPolicy: 'stint-client',
  clientRoleId: 'role-3',
  clientSecretId: 'CANARY',
};

test('the variables of the server and its client say where Vault is', () => {
  const access = readAccess({ ...good, VAULT_NAMESPACE: 'team', VAULT_SKIP_VERIFY: 'false' });

  expect(access).toEqual({
    address: 'https://vault.example:8200',
    token: 'hvs.root',
    namespace: 'team',
    skipVerify: false,
    caPem: undefined,
  });
});

test('the authority is read from its file', () => {
  expect(readAccess({ ...good, VAULT_CACERT: import.meta.filename }).caPem).toContain(
    'the authority is read',
  );
});

test('all problems are reported at once, with what to set', () => {
  const env = { VAULT_SKIP_VERIFY: 'maybe' };

  const attempt = () => readAccess(env);

  expect(attempt).toThrow(BootstrapError);
  expect(attempt).toThrow(/Set VAULT_ADDR to the address of Vault, such as http:\/\/127\.0\.0\.1:8200\./);
  expect(attempt).toThrow(/Expected VAULT_SKIP_VERIFY to be .*, got "maybe"\./);
  expect(attempt).toThrow(/Set VAULT_TOKEN to a root token/);
});

test.each([
  ['a token that is no header', { VAULT_TOKEN: 'CANARY CANARY' }, 'Set VAULT_TOKEN to a root token'],
  ['a password in the address', { VAULT_ADDR: 'http://me:CANARY@vault' }, 'Expected VAULT_ADDR to be'],
  [
    'a file that is not there',
    { VAULT_CACERT: '/nonexistent' },
    'Expected VAULT_CACERT to name a readable file',
  ],
])('%s is refused and no secret is shown', (_, wrong, message) => {
  const attempt = () => readAccess({ ...good, ...wrong });

  expect(attempt).toThrow(message);
  expect(attempt).not.toThrow('CANARY');
});

test('the settings of a server come as lines for a shell, and without the SecretID of clients', () => {
  const lines = exportLines(readAccess(good), setup);

  expect(lines).toEqual([
    'export VAULT_ADDR=https://vault.example:8200',
    'export STINT_APPROLE_NAME=stint-job',
    'export STINT_APPROLE_ID=role-1',
    'export STINT_SERVER_ROLE_ID=role-2',
    "export STINT_SERVER_SECRET_ID='it'\\''s'",
    'export STINT_AUDIT_KEY=stint-audit',
  ]);
  expect(clientHint(setup)).not.toContain('CANARY');
});
