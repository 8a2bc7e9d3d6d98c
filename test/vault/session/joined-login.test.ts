import { expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import type { VaultConnection } from '../../../src/vault/client/client.js';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { JoinedLogin } from '../../../src/vault/session/joined-login.js';

const sealed = {
  client: () => ({ ask: () => Promise.reject(new VaultFailure('sealed')) }),
} as unknown as VaultConnection;

test('while Vault is unavailable a run does not wait for the login that it shares without end: nothing is spent', async () => {
  const parts = {
    connection: sealed,
    mounts: new Map() as never,
    onFailure: () => undefined,
    retryForMs: 20,
  };
  const login = new JoinedLogin(parts, new Secret('token'));
  await expect(login.read(['A@kv/a.a'], { continueOnWarnings: false })).rejects.toMatchObject({
    code: 'vault_unavailable',
    retryable: true,
  });
  await login[Symbol.asyncDispose]();
});
