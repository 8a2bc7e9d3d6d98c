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
    secretsLimitBytes: 1000,
  };
  const login = new JoinedLogin(parts, new Secret('token'), 'own');
  await expect(login.read(['A@kv/a.a'], { continueOnWarnings: false })).rejects.toMatchObject({
    code: 'vault_unavailable',
    retryable: true,
  });
  await login[Symbol.asyncDispose]();
});

test('Vault is asked for nothing by a run that shares a login which others renew, before it reads what is new', async () => {
  let asked = 0;
  const connection = {
    client: () => ({
      ask: () => {
        asked++;
        return Promise.reject(new VaultFailure('denied', { status: 403 }));
      },
    }),
  } as unknown as VaultConnection;
  const parts = {
    connection,
    mounts: new Map() as never,
    onFailure: () => undefined,
    retryForMs: 20,
    secretsLimitBytes: 1000,
  };
  const login = new JoinedLogin(parts, new Secret('token'), 'others');
  await login.lookUp();
  expect((await login.token()).reveal()).toBe('token');
  expect(asked).toBe(0);
  await expect(login.read(['A@kv/a.a'], { continueOnWarnings: false })).rejects.toMatchObject({
    code: 'shared_login_over',
  });
  expect(asked).toBe(1);
  await login[Symbol.asyncDispose]();
});
