import { expect, test } from 'vitest';
import type { LiveVault } from '../vault/live-bench.js';
import { ask, type VaultBench } from './vault-http-bench.js';

export function mountRules(bench: VaultBench): void {
  test('what is mounted is listed, shown and tuned', async () => {
    const [engine, method] = [await bench.mount('kv-v1'), await bench.mount('approle')];
    const config = { default_lease_ttl: 0, max_lease_ttl: 0 };

    expect((await bench.ask('GET', 'sys/mounts')).body.data).toMatchObject({
      [`${engine}/`]: { type: 'kv', options: { version: '1' }, config },
      'secret/': { type: 'kv', options: { version: '2' } },
      'cubbyhole/': { type: 'cubbyhole' },
    });
    expect((await bench.ask('GET', 'sys/auth')).body.data).toMatchObject({
      [`${method.replace('auth/', '')}/`]: { type: 'approle', config },
      'token/': { type: 'token' },
    });
    expect((await bench.ask('GET', `sys/mounts/${engine}`)).body.data).toMatchObject({ type: 'kv', config });
    await bench.ask('POST', `sys/mounts/${engine}/tune`, { body: { default_lease_ttl: '1h' } });
    expect((await bench.ask('GET', `sys/mounts/${engine}/tune`)).body.data).toMatchObject({
      default_lease_ttl: 3600,
    });
    await bench.ask('POST', `${engine}/a`, { body: { x: 'y' } });
    expect((await bench.ask('GET', `${engine}/a`)).body.lease_duration).toBe(3600);
  });

  test('a path has one mount, and unmounting deletes its data', async () => {
    const engine = await bench.mount('kv-v1');
    await bench.ask('POST', `${engine}/a`, { body: { x: 'y' } });
    const mount = () => bench.ask('POST', `sys/mounts/${engine}`, { body: { type: 'kv' } });
    expect(await mount()).toEqual({
      status: 400,
      body: { errors: [`path is already in use at ${engine}/`] },
    });

    expect((await bench.ask('DELETE', `sys/mounts/${engine}`)).status).toBe(204);
    expect((await bench.ask('GET', `${engine}/a`)).status).toBe(404);

    expect((await mount()).status).toBe(204);
    expect(await bench.ask('GET', `${engine}/a`)).toEqual({ status: 404, body: { errors: [] } });
  });

  test('an unknown type and an unknown mount are errors', async () => {
    expect(await bench.ask('POST', 'sys/mounts/odd', { body: { type: 'odd' } })).toEqual({
      status: 400,
      body: { errors: ['plugin not found in the catalog: odd'] },
    });
    expect(await bench.ask('GET', 'sys/mounts/odd')).toEqual({
      status: 400,
      body: { errors: ['No secret engine mount at odd/'] },
    });
  });
}

export function mountVersionRules(bench: VaultBench): void {
  test('a mount is shown to who may do anything in it, with its version, and takes no use', async () => {
    for (const type of ['kv-v1', 'kv-v2'] as const) {
      const mount = await bench.mount(type);
      const name = await bench.policy(`path "${mount}/+/x" { capabilities = ["read"] }`);
      const body = { policies: [name], no_default_policy: true, ttl: '5m', num_uses: 1 };
      const token = (await bench.token(body)).client_token;
      const stranger = await bench.tokenOf('path "else" { capabilities = ["read"] }');
      const see = (path: string, who: string) =>
        bench.ask('GET', `sys/internal/ui/mounts/${path}`, { token: who });

      for (const path of [mount, `${mount}/a`, `${mount}/data/a/x`])
        expect((await see(path, token)).body.data).toMatchObject({
          path: `${mount}/`,
          type: 'kv',
          options: { version: type === 'kv-v1' ? '1' : '2' },
        });
      for (const [path, who] of [
        [mount, stranger],
        [mount, 'hvs.none'],
        [mount, ''],
        [`no-${mount}/a`, token],
      ] as const)
        expect((await see(path, who)).status).toBe(403);
      expect(await bench.isAlive(token)).toBe(true);
    }
  });
}

const methodPolicy = (more: string) => `path "sys/auth/*" { capabilities = ["create", "update"${more}] }`;

export function sysRules(bench: VaultBench): void {
  const leases = (verb: string) =>
    bench.ask('POST', `sys/leases/${verb}`, { body: { lease_id: 'db/creds/x/1' } });

  test('auth methods need the capability sudo besides', async () => {
    const [plain, sudo] = [
      await bench.tokenOf(methodPolicy('')),
      await bench.tokenOf(methodPolicy(', "sudo"')),
    ];
    const enable = async (token: string, name: string) =>
      (await bench.ask('POST', `sys/auth/${name}`, { token, body: { type: 'approle' } })).status;
    const name = (await bench.mount('approle')).replace('auth/', 'more-');

    expect([await enable(plain, name), await enable(sudo, name)]).toEqual([403, 204]);
  });

  test('an unknown lease is an error', async () => {
    expect(await leases('renew')).toEqual({ status: 400, body: { errors: ['lease not found'] } });
    expect(await leases('lookup')).toEqual({ status: 400, body: { errors: ['invalid lease'] } });
    expect((await leases('revoke')).status).toBe(204);
  });

  test.each([
    ['GET', 'sys/odd', 404, '1 error occurred:\n\t* unsupported path\n\n'],
    ['GET', 'auth/token/odd', 404, '1 error occurred:\n\t* unsupported path\n\n'],
    ['DELETE', 'auth/token/lookup-self', 405, '1 error occurred:\n\t* unsupported operation\n\n'],
    ['GET', 'auth/odd/x', 404, 'no handler for route "auth/odd/x". route entry not found.'],
  ])('%s %s answers %i', async (method, path, status, error) => {
    expect(await bench.ask(method, path)).toEqual({ status, body: { errors: [error] } });
  });
}

/** A Vault that this test alone uses, with the key that unseals it. */
export interface OwnVault extends LiveVault, AsyncDisposable {
  readonly unsealKey?: string | undefined;
}

export function sealRules(startOwn: () => Promise<OwnVault>): void {
  test('sealed it does nothing and says so; unsealed it has forgotten nothing', async () => {
    await using vault = await startOwn();
    const { client_token: token } =
      (await ask(vault, 'POST', 'auth/token/create', { body: { policies: ['default'] } })).body.auth ?? {};
    await ask(vault, 'POST', 'cubbyhole/a', { token: token ?? '', body: { x: 'y' } });
    expect(await ask(vault, 'GET', 'sys/health', { token: '' })).toMatchObject({
      status: 200,
      body: { sealed: false },
    });

    expect((await ask(vault, 'POST', 'sys/seal')).status).toBe(204);
    const sealed = { status: 503, body: { errors: ['Vault is sealed'] } };
    expect(await ask(vault, 'GET', 'cubbyhole/a', { token: token ?? '' })).toEqual(sealed);
    expect(await ask(vault, 'POST', 'sys/wrapping/lookup', { token: '', body: { token: 'x' } })).toEqual(
      sealed,
    );
    expect(await ask(vault, 'GET', 'sys/health', { token: '' })).toMatchObject({
      status: 503,
      body: { sealed: true },
    });
    expect(await ask(vault, 'GET', 'sys/health?sealedcode=299', { token: '' })).toMatchObject({
      status: 299,
    });
    expect(await ask(vault, 'GET', 'sys/seal-status', { token: '' })).toMatchObject({
      status: 200,
      body: { sealed: true },
    });

    const wrong = Buffer.alloc(32).toString('base64');
    expect((await ask(vault, 'POST', 'sys/unseal', { token: '', body: { key: wrong } })).status).toBe(400);
    const unseal = await ask(vault, 'POST', 'sys/unseal', { token: '', body: { key: vault.unsealKey } });
    expect(unseal).toMatchObject({ status: 200, body: { sealed: false } });
    expect((await ask(vault, 'GET', 'cubbyhole/a', { token: token ?? '' })).body.data).toEqual({ x: 'y' });
  });

  test('a caller without permission cannot seal it', async () => {
    await using vault = await startOwn();
    const policy = 'path "sys/seal" { capabilities = ["update"] }';
    await ask(vault, 'POST', 'sys/policies/acl/weak', { body: { policy } });
    const { body } = await ask(vault, 'POST', 'auth/token/create', { body: { policies: ['weak'] } });

    expect((await ask(vault, 'POST', 'sys/seal', { token: body.auth?.client_token ?? '' })).status).toBe(403);
    expect((await ask(vault, 'GET', 'sys/health')).status).toBe(200);
  });
}
