import { expect, test } from 'vitest';
import { startVaultServer, type VaultServer } from '../../../rig/vault/vault-server.js';

// Outside the tests, because a first start may build the server, which takes longer than their time limits.
await (await startOwn())[Symbol.asyncDispose]();

/** Never the server that a developer names in the environment: these tests seal, suspend and stop the server. */
async function startOwn(): Promise<VaultServer> {
  return await startVaultServer({ alwaysOwn: true });
}

/** The fields of Vault's answers that these tests read; which of them are there depends on the request. */
interface Answer {
  readonly data: Readonly<Record<string, string>>;
  readonly wrap_info: { readonly token: string; readonly creation_path: string };
  readonly auth: { readonly client_token: string };
}

async function call(server: VaultServer, request: string, body?: unknown, headers?: Record<string, string>) {
  const [method = '', path] = request.split(' ');
  const response = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': server.rootToken, ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as Answer;
}

test('a started server is initialized, unsealed and accepts its root token', async () => {
  await using server = await startOwn();

  const health = await call(server, 'GET sys/health');
  const token = await call(server, 'GET auth/token/lookup-self');

  expect(health).toMatchObject({ initialized: true, sealed: false });
  expect(token).toMatchObject({ data: { id: server.rootToken, policies: ['root'] } });
});

test('a started server has a KV 2 engine at once', async () => {
  await using server = await startOwn();

  await call(server, 'POST secret/data/tests/a', { data: { password: 'pa55' } });
  const secret = await call(server, 'GET secret/data/tests/a');

  expect(secret).toMatchObject({ data: { data: { password: 'pa55' }, metadata: { version: 1 } } });
});

test('a sealed server is unsealed by its key and has kept its data', async () => {
  await using server = await startOwn();
  await call(server, 'POST secret/data/tests/a', { data: { password: 'pa55' } });

  await call(server, 'POST sys/seal');
  const sealed = await call(server, 'GET sys/health');
  await call(server, 'POST sys/unseal', { key: server.unsealKey });
  const unsealed = await call(server, 'GET sys/health');

  expect(sealed).toMatchObject({ sealed: true });
  expect(unsealed).toMatchObject({ sealed: false });
  await expect
    .poll(() => call(server, 'GET secret/data/tests/a'))
    .toMatchObject({ data: { data: { password: 'pa55' } } });
});

test('what jobs need works: policies, AppRole with a wrapped SecretID, transit', async () => {
  await using server = await startOwn();
  await call(server, 'POST sys/mounts/transit', { type: 'transit' });
  await call(server, 'POST transit/keys/job');
  await call(server, 'POST sys/policies/acl/job', {
    policy: 'path "transit/decrypt/job" { capabilities = ["update"] }',
  });
  await call(server, 'POST sys/auth/approle', { type: 'approle' });
  await call(server, 'POST auth/approle/role/job', { token_policies: 'job' });
  const plaintext = Buffer.from('payload').toString('base64');
  const { ciphertext } = (await call(server, 'POST transit/encrypt/job', { plaintext })).data;

  const { role_id } = (await call(server, 'GET auth/approle/role/job/role-id')).data;
  const { wrap_info } = await call(
    server,
    'POST auth/approle/role/job/secret-id',
    {},
    { 'X-Vault-Wrap-TTL': '60' },
  );
  const { secret_id } = (
    await call(server, 'POST sys/wrapping/unwrap', {}, { 'X-Vault-Token': wrap_info.token })
  ).data;
  const { auth } = await call(server, 'POST auth/approle/login', { role_id, secret_id });
  const opened = await call(
    server,
    'POST transit/decrypt/job',
    { ciphertext },
    { 'X-Vault-Token': auth.client_token },
  );

  expect(wrap_info.creation_path).toBe('auth/approle/role/job/secret-id');
  expect(opened.data).toEqual({ plaintext });
});

test('two servers share no data, and both stop', async () => {
  const first = await startOwn();
  const second = await startOwn();

  const stranger = await call({ ...second, rootToken: first.rootToken }, 'GET auth/token/lookup-self');
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);

  expect(first.address).not.toBe(second.address);
  expect(stranger).toMatchObject({ errors: [expect.any(String)] });
  for (const { pid } of [first, second]) expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
});

test('a suspended server stops too, and disposing again does nothing', async () => {
  const server = await startOwn();
  process.kill(server.pid ?? 0, 'SIGSTOP');

  await server[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();

  await expect(fetch(server.address)).rejects.toThrow('fetch failed');
});
