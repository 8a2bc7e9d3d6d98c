import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { connectVault, type VaultAddress } from '../../../src/vault/client/client.js';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { type IssuedCertificate, makeAuthority } from '../../support/certificate.js';
import { type Fault, FaultProxy, sealed } from '../fault-proxy.js';

const canary = 'hvs.CANARY-4711';
const token = new Secret(canary);
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function connect(address: string, more: Partial<VaultAddress> = {}) {
  const connection = connectVault({ address, skipVerify: false, timeoutMs: 2_000, ...more });
  cleanUps.push(() => connection[Symbol.dispose]());
  return connection;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function serve(answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(answer))}`;
}

async function startFaulty(fault: Fault): Promise<FaultProxy> {
  const proxy = await FaultProxy.start('http://127.0.0.1:9');
  proxy.spoil(/./, fault);
  cleanUps.push(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

/** Asks as a job would, with a secret in every place. */
async function ask(address: string, more: Partial<VaultAddress> = {}): Promise<unknown> {
  const client = connect(address, more).client(token);
  return client
    .ask({ method: 'POST', path: 'x/y', body: { secret: canary } }, (reply) => reply)
    .catch((error: unknown) => error);
}

test('an answer arrives, and the token, the namespace and the body were sent', async () => {
  const seen: unknown[] = [];
  const address = await serve(async (request, response) => {
    const { method, url, headers } = request;
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push({
      method,
      url,
      token: headers['x-vault-token'],
      namespace: headers['x-vault-namespace'],
      body,
    });
    response.end('{"data":{"n":1}}');
  });

  expect(await ask(address, { namespace: 'team' })).toEqual({ data: { n: 1 } });
  expect(seen).toEqual([
    { method: 'POST', url: '/v1/x/y', token: canary, namespace: 'team', body: `{"secret":"${canary}"}` },
  ]);
});

test('nothing of the environment gets in: no token, no namespace, no prefix, no proxy', async () => {
  const proxied: string[] = [];
  const proxy = await serve((request, response) => {
    proxied.push(request.url ?? '');
    response.end('{}');
  });
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'all_proxy'])
    vi.stubEnv(name, proxy);
  vi.stubEnv('NO_PROXY', '');
  vi.stubEnv('VAULT_TOKEN', canary);
  vi.stubEnv('VAULT_NAMESPACE', 'evil');
  vi.stubEnv('VAULT_PREFIX', '/evil');
  const seen: unknown[] = [];
  const address = await serve((request, response) => {
    seen.push([request.url, request.headers['x-vault-token'], request.headers['x-vault-namespace']]);
    response.end('{}');
  });

  await connect(address)
    .client()
    .ask({ method: 'GET', path: 'sys/health' }, (reply) => reply);

  expect(seen).toEqual([['/v1/sys/health', undefined, undefined]]);
  expect(proxied).toEqual([]);
});

test('two identities of one connection are never mixed', async () => {
  const address = await serve((request, response) => {
    response.end(JSON.stringify({ token: request.headers['x-vault-token'] ?? 'none' }));
  });
  const connection = connect(address);
  const clients = ['a', 'b', undefined].map((text) =>
    connection.client(text === undefined ? text : new Secret(text)),
  );

  const replies = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      clients[index % 3]?.ask({ method: 'GET', path: 'x' }, (reply) => (reply as { token: string }).token),
    ),
  );

  expect(replies).toEqual(Array.from({ length: 30 }, (_, index) => ['a', 'b', 'none'][index % 3]));
});

test('connections are kept', async () => {
  const server = createServer((_, response) => response.end('{}'));
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const connection = connect(`http://127.0.0.1:${await listen(server)}`);

  for (let turn = 0; turn < 20; turn += 1) {
    await connection.client(new Secret(`t${turn}`)).ask({ method: 'GET', path: 'x' }, () => undefined);
  }

  expect(connections).toBe(1);
});

test('V9: a redirect is not followed, and its target sees nothing', async () => {
  const stolen: unknown[] = [];
  const thief = await serve((request, response) => {
    stolen.push(request.headers);
    response.end('{}');
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const headers = { location: `${thief}/v1/x/y` };
    const proxy = await startFaulty({ kind: 'answer', status, headers });

    expect(await ask(proxy.address)).toMatchObject({ kind: 'redirected', status, mayBeDone: false });
  }
  expect(stolen).toEqual([]);
});

const failures: readonly (readonly [string, Fault, object])[] = [
  ['sealed', sealed, { kind: 'sealed', isUnavailable: true, mayBeDone: false }],
  ['cut', { kind: 'cut' }, { kind: 'lost', code: 'ECONNRESET', mayBeDone: true }],
  ['silent', { kind: 'hang' }, { kind: 'lost', code: 'timeout', mayBeDone: true }],
  ['dripping', { kind: 'drip' }, { kind: 'lost', code: 'timeout', mayBeDone: true }],
  ['endless', { kind: 'flood', bytes: 2 ** 30 }, { kind: 'malformed', mayBeDone: true }],
  [
    'not JSON',
    { kind: 'answer', status: 200, body: `<html>${canary}` },
    { kind: 'malformed', mayBeDone: true },
  ],
  ['a page', { kind: 'answer', status: 502, body: `<html>${canary}` }, { kind: 'broken', mayBeDone: true }],
  ['accepted', { kind: 'answer', status: 202, body: {} }, { kind: 'malformed' }],
  [
    'echoing',
    { kind: 'answer', status: 400, body: { errors: [canary] } },
    { kind: 'invalid', isUnavailable: false },
  ],
];

test.each(failures)(
  'V9: a Vault that is %s becomes a failure without a secret',
  async (_, fault, expected) => {
    const proxy = await startFaulty(fault);
    const began = performance.now();

    const failure = await ask(proxy.address, { timeoutMs: 400 });

    expect(failure).toBeInstanceOf(VaultFailure);
    expect(failure).toMatchObject(expected);
    expect(performance.now() - began).toBeLessThan(3_000);
    expectNoCanary(failure);
  },
);

test('nobody listens: nothing was sent', async () => {
  const failure = await ask('http://127.0.0.1:9');

  expect(failure).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED', mayBeDone: false });
  expectNoCanary(failure);
});

test('an unknown host: nothing was sent', async () => {
  expect(await ask('http://vault.invalid')).toMatchObject({ kind: 'unreachable', mayBeDone: false });
});

test('a health path with an error status is still an error for everything but the probe', async () => {
  const proxy = await startFaulty({ kind: 'answer', status: 403, body: { errors: ['permission denied'] } });

  const asked = connect(proxy.address)
    .client(token)
    .ask({ method: 'GET', path: 'kv/sys/health' }, (reply) => reply);

  await expect(asked).rejects.toMatchObject({ kind: 'denied' });
});

test('DEBUG prints nothing', async () => {
  const printed: string[] = [];
  vi.stubEnv('DEBUG', '*');
  const write = process.stderr.write.bind(process.stderr);
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text: unknown) => {
    printed.push(String(text));
    return true;
  });
  const address = await serve((_, response) => response.end('{}'));

  await ask(address);
  spy.mockImplementation(write);
  spy.mockRestore();

  expect(printed.join('')).not.toContain(canary);
});

const authority = makeAuthority('ours');
const otherPem = makeAuthority('other').pem;
const good = authority.issue(1);
const expired = authority.issue(-1);

async function serveTls({
  certPem,
  keyPem,
}: IssuedCertificate): Promise<{ address: string; asked: unknown[]; connections: () => number }> {
  const asked: unknown[] = [];
  const server = createTlsServer({ key: keyPem, cert: certPem }, (request, response) => {
    asked.push(request.url);
    response.end('{"ok":true}');
  });
  let connections = 0;
  server.on('secureConnection', () => {
    connections += 1;
  });
  return { address: `https://127.0.0.1:${await listen(server)}`, asked, connections: () => connections };
}

test('a certificate of the given authority is good, and its connection is kept', async () => {
  const { address, connections } = await serveTls(good);
  const connection = connect(address, { caPem: authority.pem });

  for (let turn = 0; turn < 5; turn += 1) {
    await connection
      .client(token)
      .ask({ method: 'GET', path: 'x' }, (reply) => expect(reply).toEqual({ ok: true }));
  }

  expect(connections()).toBe(1);
});

test.each([
  ['no authority that is known', good, undefined],
  ['another authority', good, otherPem],
  ['a certificate that has expired', expired, authority.pem],
] as const)('V9: with %s nothing is sent, whatever VAULT_SKIP_VERIFY says', async (_, certificate, caPem) => {
  vi.stubEnv('VAULT_SKIP_VERIFY', 'false');
  const { address, asked } = await serveTls(certificate);

  const failure = await ask(address, { caPem });

  expect(failure).toMatchObject({
    kind: 'unreachable',
    mayBeDone: false,
    code: expect.stringMatching(/CERT|SIGN|LEAF/),
  });
  expect(asked).toEqual([]);
});

test('skipVerify takes any certificate', async () => {
  const { address } = await serveTls(expired);

  expect(await ask(address, { skipVerify: true })).toEqual({ ok: true });
});

test('plain HTTP where TLS is expected: nothing is sent', async () => {
  const address = await serve((_, response) => response.end('{}'));

  expect(await ask(address.replace('http:', 'https:'))).toMatchObject({
    kind: 'unreachable',
    mayBeDone: false,
  });
});

function expectNoCanary(error: unknown): void {
  const seen = [
    inspect(error, { depth: 9, showHidden: true }),
    JSON.stringify(error),
    String((error as Error).stack),
  ];
  expect(seen.join('\n')).not.toContain('CANARY');
}
