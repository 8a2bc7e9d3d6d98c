import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VaultOperation } from '../../../../bench/chaos/history/history.js';
import { readAudit, startAudit, stopAudit } from '../../../../bench/chaos/history/vault-audit.js';
import { newOwnerToken } from '../../../../bench/chaos/stage/vault.js';
import { GostintClient } from '../../../../demo/gostint-client.js';
import { startVaultServer, type VaultServer } from '../../../../rig/vault/vault-server.js';
import { bootstrapVault, type VaultSetup } from '../../../../vault-dev/bootstrap.js';
import { rigPart } from '../../../support/rig-part.js';

await rigPart('vault'); // Built, if needed, before any time limit starts. The log holds secrets, so the Vault is private.

const directory = await mkdtemp(join(tmpdir(), 'stint-audit-'));
let vault: VaultServer;
let setup: VaultSetup;

beforeAll(async () => {
  vault = await startVaultServer({ alwaysOwn: true });
  setup = await bootstrapVault({ address: vault.address, token: vault.rootToken });
});

afterAll(async () => {
  await vault[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

interface Reply {
  readonly data?: { readonly secret_id: string };
  readonly auth?: { readonly client_token: string };
}

/** Asks as a server does: with this token or with none. A refusal is returned as well. */
async function ask(path: string, token?: string, body: object = {}): Promise<Reply> {
  const headers = token === undefined ? {} : { 'X-Vault-Token': token };
  const url = `${vault.address}/v1/${path}`;
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  return text === '' ? {} : (JSON.parse(text) as Reply);
}

/** The audit log of these operations. */
async function audited(operations: (client: GostintClient) => Promise<void>): Promise<VaultOperation[]> {
  const file = join(directory, 'audit.log');
  await rm(file, { force: true });
  await startAudit(vault, file);
  const { address } = vault;
  const token = await newOwnerToken(vault, setup.clientPolicy);
  await operations(new GostintClient({ vault: address, stint: '', token, roleName: setup.roleName }));
  await stopAudit(vault);
  return await readAudit(vault, file);
}

function only(
  operations: readonly VaultOperation[],
  ...kinds: readonly VaultOperation['kind'][]
): VaultOperation[] {
  return operations.filter(({ kind }) => kinds.includes(kind));
}

test('the audit log shows a wrapping token from its creation to the revocation of the token made from it', async () => {
  const operations = await audited(async (client) => {
    const wrap = await client.wrapSecretId();
    await ask('sys/wrapping/lookup', undefined, { token: wrap });
    const { data } = await ask('sys/wrapping/unwrap', wrap);
    const login = { role_id: setup.roleId, secret_id: data?.secret_id };
    const { auth } = await ask('auth/approle/login', undefined, login);
    await ask('auth/token/revoke-self', auth?.client_token);
    await ask('sys/wrapping/unwrap', wrap); //                       Once more, and too late.
    await ask('transit/decrypt/stint-job', auth?.client_token); //   As this.
  });
  const kinds = ['wrap', 'look up', 'unwrap', 'log in', 'revoke self'] as const;
  const [made, seen, opened, loggedIn, givenBack] = kinds.map((kind) => only(operations, kind)[0]);
  const [accessor, secretIdAccessor] = made?.gives ?? [];
  const [secretId] = opened?.gives ?? [];
  const [token] = loggedIn?.gives ?? [];

  expect([made, seen, opened, loggedIn, givenBack].map((operation) => operation?.isDone)).toEqual(
    kinds.map(() => true),
  );
  expect([accessor, secretIdAccessor, secretId, token]).not.toContain('');
  expect(seen?.subject).toBe(made?.subject);
  expect(opened).toMatchObject({ subject: accessor, gives: [secretId, secretIdAccessor] });
  expect(loggedIn?.subject).toBe(secretId);
  expect(givenBack?.subject).toBe(token);
  expect(only(operations, 'unwrap')[1]).toMatchObject({ isDone: false, subject: accessor });
  expect(operations.find(({ subject, kind }) => kind === 'use' && subject === token)?.isDone).toBe(false);
});

test('the audit log shows who read a payload, and that it was tried again', async () => {
  const operations = await audited(async (client) => {
    const { cubby_token: token, cubby_path: path } = await client.leaveInCubbyhole('vault:v1:x');
    for (const _ of ['first', 'second'])
      await fetch(`${vault.address}/v1/${path}`, { headers: { 'X-Vault-Token': token } });
  });
  const [first, second] = only(operations, 'read payload');

  expect(first).toMatchObject({ isDone: true, subject: expect.stringMatching(/./) });
  expect(second).toMatchObject({ isDone: false, subject: first?.subject });
});
