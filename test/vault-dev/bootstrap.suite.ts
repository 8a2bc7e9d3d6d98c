import { beforeAll, describe, expect, test } from 'vitest';
import { bootstrapVault } from '../../vault-dev/bootstrap.js';
import { type FindVault, type LiveVault, VaultAdmin } from '../vault/live-bench.js';
import { accessTo, PreparedVault } from './prepared.js';

/** Starts a new Vault that no other test uses. */
export type StartVault = () => Promise<LiveVault & AsyncDisposable>;

/** These tests do not change a prepared Vault, so other suites may share it. */
export function bootstrapSuite(name: string, find: FindVault): void {
  describe(`the bootstrap of ${name}`, () => {
    let prepared: PreparedVault;

    beforeAll(async () => {
      prepared = await PreparedVault.prepare(await find());
    });

    test('changes nothing in another run, and finds the same RoleIDs and SecretIDs', async () => {
      const said: string[] = [];
      const log = (line: string) => said.push(line);
      const before = await facts(prepared.admin);

      const again = await bootstrapVault({ ...accessTo(prepared.vault), log });

      expect(again).toEqual(prepared.setup);
      expect(said).toEqual([]);
      expect(await facts(prepared.admin)).toEqual(before);
    });

    test('keeps a policy that somebody has changed, says so, and replaces it when told to', async () => {
      const { admin, vault } = prepared;
      const path = 'sys/policies/acl/stint-auditor';
      const original = (await admin.call('GET', path)).data?.policy;
      await admin.call('POST', path, { body: { policy: 'path "own/*" { capabilities = ["read"] }' } });
      const said: string[] = [];
      const log = (line: string) => said.push(line);

      await bootstrapVault({ ...accessTo(vault), log });
      const kept = (await admin.call('GET', path)).data?.policy;
      await bootstrapVault({ ...accessTo(vault), log, overwritePolicies: true });
      const replaced = (await admin.call('GET', path)).data?.policy;

      expect(kept).toContain('own/*');
      expect(replaced).toBe(original);
      expect(said).toEqual([
        'the policy stint-auditor differs from stint-auditor.hcl and was left as it is',
        'the policy stint-auditor was replaced',
      ]);
    });

    test('refuses a token that may not do it, and says what to set', async () => {
      const token = await prepared.tokenWith('stint-client');

      const attempt = bootstrapVault({ address: prepared.vault.address, token });

      await expect(attempt).rejects.toThrow(
        /^Could not read `sys\/mounts`: Vault refused the token\. Set VAULT_TOKEN to a root token/,
      );
    });

    test('refuses a token that Vault does not know', async () => {
      const attempt = bootstrapVault({ address: prepared.vault.address, token: 'hvs.unknown' });

      await expect(attempt).rejects.toThrow(/^Could not read `auth\/token\/lookup-self`: .* Set VAULT_TOKEN/);
    });
  });
}

/** Everything that another run could overwrite. */
async function facts(admin: VaultAdmin): Promise<unknown[]> {
  const paths = ['kv/metadata/demo/db', 'kv/metadata/stint/server-login', 'auth/approle/role/stint-job'];
  return await Promise.all([
    ...paths.map(async (path) => (await admin.call('GET', path)).data),
    admin.call('GET', 'auth/approle/role/stint-server/secret-id?list=true').then(({ data }) => data),
  ]);
}

/** Tests that need a new Vault. */
export function freshBootstrapSuite(name: string, start: StartVault): void {
  describe(`the bootstrap of a new ${name}`, () => {
    test('may run beside another one', async () => {
      await using vault = await start();

      const [one, other] = await Promise.all([
        bootstrapVault(accessTo(vault)),
        bootstrapVault(accessTo(vault)),
      ]);

      expect(other.roleId).toBe(one.roleId);
      expect(other.clientRoleId).toBe(one.clientRoleId);
    });

    test('says what it makes', async () => {
      await using vault = await start();
      const said: string[] = [];

      await bootstrapVault({ ...accessTo(vault), log: (line) => said.push(line) });

      expect(said.slice(0, 5)).toEqual([
        'made the kv engine at kv/',
        'made the kv engine at kv1/',
        'made the transit engine at transit/',
        'made the approle method at approle/',
        'made the transit key stint-job',
      ]);
    });

    test('makes a new SecretID for one that was destroyed, and nothing else', async () => {
      await using vault = await start();
      const { setup, admin } = await PreparedVault.prepare(vault);
      const body = { secret_id: setup.serverSecretId };
      await admin.call('POST', 'auth/approle/role/stint-server/secret-id/destroy', { body });

      const { serverSecretId, ...rest } = await bootstrapVault(accessTo(vault));

      expect(setup).toMatchObject(rest);
      expect(serverSecretId).not.toBe(setup.serverSecretId);
      const login = { role_id: rest.serverRoleId, secret_id: serverSecretId };
      expect((await admin.raw('POST', 'auth/approle/login', { token: '', body: login })).status).toBe(200);
    });
  });
}

/** Problems that the bootstrap cannot fix. */
export function bootstrapRefusalSuite(name: string, start: StartVault): void {
  describe(`the bootstrap of a new ${name}`, () => {
    test('never touches another engine at a place that it needs', async () => {
      await using vault = await start();
      const admin = new VaultAdmin(vault);
      await admin.call('POST', 'sys/mounts/kv', { body: { type: 'kv', options: { version: '1' } } });
      await admin.call('POST', 'kv/mine', { body: { value: 'kept' } });

      const attempt = bootstrapVault(accessTo(vault));

      await expect(attempt).rejects.toThrow(
        /^Could not use the mount `kv\/`: expected it to be `kv` version 2, got `kv` version 1\./,
      );
      expect((await admin.call('GET', 'kv/mine')).data).toEqual({ value: 'kept' });
    });

    test('names a sealed Vault', async () => {
      await using vault = await start();
      await new VaultAdmin(vault).call('POST', 'sys/seal');

      const attempt = bootstrapVault(accessTo(vault));

      await expect(attempt).rejects.toThrow(/: Vault is sealed\. Unseal it and try again\.$/);
    });

    test('names an address where nothing listens', async () => {
      const vault = await start();
      await vault[Symbol.asyncDispose]();

      const attempt = bootstrapVault(accessTo(vault));

      await expect(attempt).rejects.toThrow(
        `Could not reach Vault at ${vault.address}: unreachable, ECONNREFUSED. Start it, or set VAULT_ADDR to where it is.`,
      );
    });
  });
}
