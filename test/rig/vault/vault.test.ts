import { afterEach, expect, test, vi } from 'vitest';
import { startVault, type VaultChoice } from '../../../rig/vault/vault.js';
import { startVaultServer } from '../../../rig/vault/vault-server.js';

// Outside the tests, because a first start may build the server, which takes longer than their time limits.
await (await startVaultServer({ alwaysOwn: true }))[Symbol.asyncDispose]();

afterEach(() => vi.unstubAllEnvs());

async function health(address: string): Promise<unknown> {
  return await (await fetch(`${address}/v1/sys/health`)).json();
}

async function statusOf(address: string, token: string): Promise<number> {
  const headers = { 'X-Vault-Token': token };
  return (await fetch(`${address}/v1/auth/token/lookup-self`, { headers })).status;
}

test.each<VaultChoice>(['real', 'at-once', 'embedded'])(
  'the choice `%s` gives a Vault that is unsealed, accepts its root token and stops when it is disposed of',
  async (choice) => {
    vi.stubEnv('STINT_TEST_VAULT_ADDR', '');
    const vault = await startVault(choice);
    const { address, rootToken } = vault;

    const state = await health(address);
    const status = await statusOf(address, rootToken);
    await vault[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();

    expect(state).toMatchObject({ initialized: true, sealed: false });
    expect(status).toBe(200);
    expect(vault).toMatchObject({ ours: true, unsealKey: expect.any(String) });
    await expect(fetch(address)).rejects.toThrow('fetch failed');
  },
);

test('the choice `embedded` has no process of its own, the others have one', async () => {
  vi.stubEnv('STINT_TEST_VAULT_ADDR', '');
  await using embedded = await startVault('embedded');
  await using real = await startVault('at-once');

  expect(embedded).toMatchObject({ kind: 'embedded', pid: undefined });
  expect(real.kind).not.toBe('embedded');
  expect(real.pid).toBeGreaterThan(0);
});

test('the choice `at-once` gives the embedded one where a real one would have to be built', async () => {
  vi.stubEnv('STINT_TEST_VAULT_ADDR', '');
  vi.stubEnv('XDG_CACHE_HOME', '/nonexistent');
  vi.stubEnv('PATH', '/nonexistent');

  await using vault = await startVault('at-once');

  expect(vault.kind).toBe('embedded');
});

test('a Vault that the environment names is used, and keeps running when it is disposed of', async () => {
  await using given = await startVaultServer({ alwaysOwn: true });
  vi.stubEnv('STINT_TEST_VAULT_ADDR', given.address);
  vi.stubEnv('STINT_TEST_VAULT_TOKEN', given.rootToken);

  const vault = await startVault('at-once');
  await vault[Symbol.asyncDispose]();

  expect(vault).toMatchObject({ kind: 'given', ours: false, address: given.address });
  expect(await statusOf(given.address, given.rootToken)).toBe(200);
});
