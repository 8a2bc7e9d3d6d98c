import { beforeAll, describe, expect, test } from 'vitest';
import { createVaultSecrets } from '../../src/vault/secrets.js';
import type { FindVault } from '../vault/live-bench.js';
import { jobSecretId, PreparedVault } from './prepared.js';

const nothing = async () => undefined;
const hooks = { beforeSpending: nothing, onToken: nothing, onRevoked: nothing };
const references = ['a@kv/data/demo/db.password', 'b@kv1/demo/app.greeting'];

/** Client, job and server, each with exactly the rights that the bootstrap gives. */
export function danceSuite(name: string, find: FindVault): void {
  describe(`in ${name}, once prepared,`, () => {
    let prepared: PreparedVault;

    beforeAll(async () => {
      prepared = await PreparedVault.prepare(await find());
    });

    test('a job goes from a client through the server to its secrets', async () => {
      await using secrets = createVaultSecrets(prepared.options);
      const client = await prepared.clientLogin();
      const cubbyhole = await prepared.submit(client, '{"qname":"demo"}');
      const wrap = await prepared.admin.wrapped('POST', jobSecretId, { token: client, body: {} });

      const ciphertext = await secrets.readCubbyhole(cubbyhole);
      await using session = secrets.session(wrap, hooks);
      await session.lookUp();
      const payload = await session.decrypt(ciphertext);
      const values = await session.read(references, { continueOnWarnings: false });

      expect(payload).toBe('{"qname":"demo"}');
      expect(values.get('a')?.reveal()).toBe('0042');
      expect(values.get('b')?.reveal()).toBe('hello from Vault');
    });

    test('a client is one entity with each login and with the tokens that it makes for the server', async () => {
      const logins = [await prepared.clientLogin(), await prepared.clientLogin()];
      const create = { token: logins[0] ?? '', body: { policies: ['default'] } };
      const made = await prepared.admin.call('POST', 'auth/token/create', create);

      const entities = await Promise.all(
        [...logins, made.auth?.client_token ?? ''].map(async (token) => {
          return (await prepared.admin.call('GET', 'auth/token/lookup-self', { token })).data?.entity_id;
        }),
      );

      expect(entities[0]).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Set(entities).size).toBe(1);
    });

    test('a job may renew its token, whose uses are not counted, for longer than jobs run', async () => {
      const { token } = await prepared.jobLogin();

      const role = (await prepared.admin.call('GET', 'auth/approle/role/stint-job')).data;
      const facts = (await prepared.admin.call('GET', 'auth/token/lookup-self', { token })).data;
      const renewed = await prepared.admin.raw('POST', 'auth/token/renew-self', { token, body: {} });

      expect(role).toMatchObject({ token_max_ttl: 25 * 3600, secret_id_num_uses: 1 });
      expect(facts).toMatchObject({ renewable: true, num_uses: 0, creation_ttl: 20 * 60 });
      expect(renewed.status).toBe(200);
    });

    test('a SecretID of a job is good for one login', async () => {
      const { secretId } = await prepared.jobLogin();
      const body = { role_id: prepared.setup.roleId, secret_id: secretId };

      const again = await prepared.admin.raw('POST', 'auth/approle/login', { token: '', body });

      expect(again.ok).toBe(false);
    });
  });
}

/** What the server does with its own login. */
export function cleanUpSuite(name: string, find: FindVault): void {
  describe(`in ${name}, once prepared,`, () => {
    let prepared: PreparedVault;

    beforeAll(async () => {
      prepared = await PreparedVault.prepare(await find());
    });

    test('the server finds that it has every right it needs', async () => {
      await using secrets = createVaultSecrets(prepared.options);

      const text = await secrets.server?.check();

      expect(text).toMatch(/policies default, stint-server; any number of uses\.$/);
    });

    test("the server ends a job's token by its accessor", async () => {
      await using secrets = createVaultSecrets(prepared.options);
      const { token, accessor } = await prepared.jobLogin();

      const answer = await secrets.server?.revokeByAccessor(accessor);
      const after = await prepared.admin.raw('GET', 'auth/token/lookup-self', { token });

      expect(answer).toBe('revoked');
      expect(after.status).toBe(403);
    });

    test("the server destroys a job's SecretID by its accessor", async () => {
      await using secrets = createVaultSecrets(prepared.options);
      const { data } = await prepared.admin.call('POST', jobSecretId, { body: {} });

      const answer = await secrets.server?.destroySecretIdByAccessor(String(data?.secret_id_accessor));
      const body = { role_id: prepared.setup.roleId, secret_id: data?.secret_id };
      const login = await prepared.admin.raw('POST', 'auth/approle/login', { token: '', body });

      expect(answer).toBe('revoked');
      expect(login.ok).toBe(false);
    });
  });
}
