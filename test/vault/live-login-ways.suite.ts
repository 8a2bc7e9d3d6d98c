import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { connectVault } from '../../src/vault/client/client.js';
import type { ServerLoginWay } from '../../src/vault/server-login/login-ways.js';
import { ServerIdentity } from '../../src/vault/server-login/server-identity.js';
import { appRoleWay, type FindVault, type LiveBench, startLiveBench } from './live-bench.js';

const missing = Object.assign(new Error('It is gone.'), { code: 'ENOENT' });

/** In which ways the server logs in. */
export function liveLoginWaysSuite(name: string, find: FindVault): void {
  describe(`the server's own login at ${name}`, () => {
    const cleanUps: (() => PromiseLike<void> | void)[] = [];
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    });

    const start = async () => {
      const bench = await startLiveBench(await find(), { server: { rights: ['revoke'] } });
      cleanUps.push(() => bench[Symbol.asyncDispose]());
      return bench;
    };
    const open = (bench: LiveBench, login: ServerLoginWay, address = bench.proxy.address) => {
      const connection = connectVault({ address, skipVerify: false, timeoutMs: 2_000 });
      const failures: string[] = [];
      const options = { login, mount: bench.names.appRole, jobRole: 'job' };
      const onFailure = ({ message }: { message: string }) => void failures.push(message);
      const server = new ServerIdentity(connection, { ...options, onFailure });
      cleanUps.push(
        () => connection[Symbol.dispose](),
        () => server[Symbol.asyncDispose](),
      );
      return { server, failures };
    };

    fileRules(start, open);
    wrappedRules(start, open);
    tokenFileRules(start, open);
    kubernetesRules(start, open);
  });
}

type Start = () => Promise<LiveBench>;
type Open = (
  bench: LiveBench,
  login: ServerLoginWay,
  address?: string,
) => { server: ServerIdentity; failures: string[] };

/** The role of the bench, whose SecretID is read anew each time. */
function roleOf(bench: LiveBench) {
  const { server } = bench.options;
  if (server?.method !== 'approle') throw new Error('Expected an AppRole.');
  return server;
}

async function newSecretId(bench: LiveBench): Promise<string> {
  const { data } = await bench.admin.call('POST', secretIdPath(bench), { body: {} });
  return String(data?.secret_id);
}

const secretIdPath = ({ names }: LiveBench) => `auth/${names.appRole}/role/server-${names.policy}/secret-id`;

async function accessorOf(bench: LiveBench): Promise<string> {
  const body = { policies: ['default'], ttl: '10m' };
  return (await bench.admin.call('POST', 'auth/token/create', { body })).auth?.accessor ?? '';
}

/** The token that the server used last. */
const tokenUsed = (bench: LiveBench) =>
  bench.proxy.asked.findLast(({ path }) => path.endsWith('revoke-accessor'))?.token ?? '';

const isGone = async (bench: LiveBench, token: string) =>
  (await bench.admin.raw('GET', 'auth/token/lookup-self', { token })).status === 403;

function fileRules(start: Start, open: Open): void {
  test('reads its SecretID again when it must log in again', async () => {
    const bench = await start();
    const role = roleOf(bench);
    let secretId = await newSecretId(bench);
    const { server } = open(bench, { ...role, readSecretId: async () => `${secretId}\n` });
    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');

    await bench.admin.call('POST', `${secretIdPath(bench)}/destroy`, { body: { secret_id: secretId } });
    await bench.admin.call('POST', 'auth/token/revoke', { body: { token: tokenUsed(bench) } });
    secretId = await newSecretId(bench);

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
  });

  test('a file that is away is told, and used once it is back', async () => {
    const bench = await start();
    let isThere = false;
    const readSecretId = async () => {
      if (isThere) return await newSecretId(bench);
      throw missing;
    };
    const { server, failures } = open(bench, { ...roleOf(bench), readSecretId });

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('unsure');
    isThere = true;

    expect(failures).toEqual([expect.stringMatching(/the file with the login cannot be used \(ENOENT\)/)]);
    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
  });
}

function wrappedRules(start: Start, open: Open): void {
  test('opens a wrapped SecretID once, and logs in with it as often as it must', async () => {
    const bench = await start();
    const { mount, roleId } = roleOf(bench);
    const wrap = await bench.admin.wrapped('POST', secretIdPath(bench), { body: {} });
    const { server } = open(
      bench,
      appRoleWay(mount, roleId, async () => wrap.reveal(), true),
    );
    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
    await bench.admin.call('POST', 'auth/token/revoke', { body: { token: tokenUsed(bench) } });

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
    expect(bench.count('unwrap')).toBe(1);
    expect(bench.count('login')).toBe(2);
  });

  test('does not open what is no SecretID of its mount', async () => {
    const bench = await start();
    const { mount, roleId } = roleOf(bench);
    const wrap = await bench.admin.wrapped('POST', 'auth/token/create', { body: { policies: ['default'] } });
    const { server, failures } = open(
      bench,
      appRoleWay(mount, roleId, async () => wrap.reveal(), true),
    );

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('unsure');

    expect(failures).toEqual([expect.stringContaining('no wrapped SecretID')]);
    expect(bench.count('unwrap')).toBe(0);
  });

  test('a wrapping token that is spent is told, and holds up nothing', async () => {
    const bench = await start();
    const { mount, roleId } = roleOf(bench);
    const wrap = await bench.admin.wrapped('POST', secretIdPath(bench), { body: {} });
    await bench.admin.call('POST', 'sys/wrapping/unwrap', { token: wrap.reveal() });
    const { server, failures } = open(
      bench,
      appRoleWay(mount, roleId, async () => wrap.reveal(), true),
    );

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('unsure');
    expect(failures).toHaveLength(1);
  });
}

/** A token with the rights of the server. */
async function tokenFor(bench: LiveBench): Promise<string> {
  const body = { policies: [`server-${bench.names.policy}`], ttl: '10m' };
  return (await bench.admin.call('POST', 'auth/token/create', { body })).auth?.client_token ?? '';
}

function tokenFileRules(start: Start, open: Open): void {
  test('takes a token from a file, and the next one when the first has ended', async () => {
    const bench = await start();
    let token = await tokenFor(bench);
    const { server } = open(bench, { method: 'token', readToken: async () => token });
    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
    expect(tokenUsed(bench)).toBe(token);
    await bench.admin.call('POST', 'auth/token/revoke', { body: { token } });
    token = await tokenFor(bench);

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
    expect(tokenUsed(bench)).toBe(token);
  });

  test('leaves that token alone at the end: it is not its own', async () => {
    const bench = await start();
    const token = await tokenFor(bench);
    const { server } = open(bench, { method: 'token', readToken: async () => token });
    await server.revokeByAccessor(await accessorOf(bench));

    await server[Symbol.asyncDispose]();

    expect(await isGone(bench, token)).toBe(false);
  });
}

function kubernetesRules(start: Start, open: Open): void {
  test('sends role and token of the service account to the Kubernetes method, and uses what it gets', async () => {
    const bench = await start();
    const body = { policies: [`server-${bench.names.policy}`], ttl: '10m' };
    const { auth } = await bench.admin.call('POST', 'auth/token/create', { body });
    const asked: unknown[] = [];
    await using method = await startMethod(bench, { auth, asked });
    const way = { method: 'kubernetes', mount: 'kubernetes', role: 'stint', readJwt: async () => 'a.b.c\n' };

    const { server } = open(bench, way as ServerLoginWay, method.address);

    expect(await server.revokeByAccessor(await accessorOf(bench))).toBe('revoked');
    expect(asked).toEqual([{ role: 'stint', jwt: 'a.b.c' }]);
    expect(tokenUsed(bench)).toBe(auth?.client_token);
  });
}

/** The Kubernetes method, which the Vault of the tests does not have, before that Vault. */
async function startMethod(bench: LiveBench, { auth, asked }: { auth: unknown; asked: unknown[] }) {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const sent = await buffer(request);
    if (request.url === '/v1/auth/kubernetes/login') {
      asked.push(JSON.parse(sent.toString()));
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ auth }));
      return;
    }
    const { method = 'GET', url, headers } = request;
    const token = headers['x-vault-token'];
    const passed = await fetch(`${bench.proxy.address}${url}`, {
      method,
      headers: token === undefined ? {} : { 'X-Vault-Token': String(token) },
      ...(sent.length > 0 && { body: sent }),
    });
    response.writeHead(passed.status).end(Buffer.from(await passed.arrayBuffer()));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
