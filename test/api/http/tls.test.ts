import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Listening, type ListenOptions, listen } from '../../../src/api/http/server.js';
import { type Authority, makeAuthority } from '../../support/certificate.js';
import { usualReading } from '../../support/reading.js';
import { createTestApp } from '../../support/test-app.js';

const cleanUps: (() => unknown)[] = [];
let authority: Authority;
let directory: string;
let tls: { certPath: string; keyPath: string };

beforeEach(() => {
  authority = makeAuthority('stint test');
  directory = mkdtempSync(join(tmpdir(), 'stint-tls-'));
  tls = { certPath: join(directory, 'cert.pem'), keyPath: join(directory, 'key.pem') };
  writeCertificate();
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  rmSync(directory, { recursive: true });
});

function writeCertificate(): void {
  const { certPem, keyPem } = authority.issue(1);
  writeFileSync(tls.certPath, certPem);
  writeFileSync(tls.keyPath, keyPem);
}

async function serve(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const server = await listen(createTestApp().app, {
    host: '127.0.0.1',
    port: 0,
    reading: usualReading,
    ...options,
  });
  cleanUps.push(() => server.close(0));
  return server;
}

function ask(server: Listening, options: RequestOptions = {}, path = '/healthz'): Promise<IncomingMessage> {
  const send = server.address.startsWith('https:') ? request : requestPlain;
  return new Promise((resolve, reject) => {
    send(`${server.address}${path}`, { ca: authority.pem, agent: false, ...options }, (answer) => {
      answer.resume();
      resolve(answer);
    })
      .once('error', reject)
      .end();
  });
}

/** The serial number of the certificate that is shown to a new connection. */
function serialOf({ port }: Listening): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca: authority.pem }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

function as({ certPem, keyPem }: ReturnType<Authority['issue']>) {
  return { cert: certPem, key: keyPem };
}

describe('A9: TLS', () => {
  test.each(['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-SHA', 'AES256-GCM-SHA384'])(
    'does not negotiate %s',
    async (ciphers) => {
      const server = await serve({ tls });

      await expect(ask(server, { ciphers, maxVersion: 'TLSv1.2' })).rejects.toThrow(/./);
    },
  );

  test.each(['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'])(
    'negotiates %s',
    async (ciphers) => {
      const server = await serve({ tls });

      expect((await ask(server, { ciphers, maxVersion: 'TLSv1.2' })).statusCode).toBe(200);
    },
  );

  test('tells browsers to stay with it; plain HTTP does not', async () => {
    const header = 'strict-transport-security';

    expect((await ask(await serve({ tls }))).headers[header]).toBe('max-age=31536000');
    expect((await ask(await serve())).headers[header]).toBeUndefined();
  });

  test('has a new certificate for new connections without a restart, and keeps the old one while the new one is no good', async () => {
    const told: string[] = [];
    const server = await serve({ tls, tlsReloadMs: 20, onBadCertificate: (problem) => told.push(problem) });
    const first = await serialOf(server);
    writeFileSync(tls.keyPath, 'no key');
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatch(/^Could not use the certificate in /);
    expect(await serialOf(server)).toBe(first);

    writeCertificate();

    await expect.poll(() => serialOf(server)).not.toBe(first);
    expect(told).toHaveLength(1);
  });

  test('takes only clients of a set authority, where there is one, also after a reload', async () => {
    const clientCaPath = join(directory, 'clients.pem');
    const [clients, strangers] = [makeAuthority('clients'), makeAuthority('strangers')];
    writeFileSync(clientCaPath, clients.pem);
    const server = await serve({ tls: { ...tls, clientCaPath }, tlsReloadMs: 20 });
    const known = as(clients.issue(1));

    await expect(ask(server)).rejects.toThrow(/./);
    await expect(ask(server, as(strangers.issue(1)))).rejects.toThrow(/./);
    expect((await ask(server, known)).statusCode).toBe(200);
    const next = makeAuthority('clients of tomorrow');
    writeFileSync(clientCaPath, next.pem);

    await expect
      .poll(() =>
        ask(server, as(next.issue(1))).then(
          ({ statusCode }) => statusCode,
          () => 'refused',
        ),
      )
      .toBe(200);
    await expect(ask(server, known)).rejects.toThrow(/./);
  });
});

const always = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

test.each([
  '/healthz',
  '/v1/api/job',
  '/stint/v1/openapi.json',
  '/v1/jobproxy/ping',
  '/no/such/path',
  '/version',
])('the answer of %s has the headers that keep it from being a page', async (path) => {
  expect((await ask(await serve(), {}, path)).headers).toMatchObject(always);
});

/** Sends raw lines, and reads until the server closes. */
async function sendRaw({ port }: Listening, ...lines: readonly string[]): Promise<string> {
  const socket = connectPlain({ host: '127.0.0.1', port });
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return await text(socket);
}

test.each([
  ['is no HTTP', ['NONSENSE']],
  ['has two Host headers', ['GET /healthz HTTP/1.1', 'Host: a', 'hOST: b']],
  ['has one Host header twice', ['GET /healthz HTTP/1.1', 'Host: a', 'Host: a']],
  [
    'has two Host headers and wants a WebSocket',
    ['GET / HTTP/1.1', 'Host: a', 'Host: b', 'Upgrade: websocket', 'Connection: upgrade'],
  ],
])('a request that %s is a 400 with these headers, and ends the connection', async (_, lines) => {
  const answer = (await sendRaw(await serve(), ...lines)).toLowerCase();

  expect(answer).toMatch(/^http\/1\.1 400 /);
  for (const [name, value] of Object.entries(always))
    expect(answer).toContain(`${name}: ${value.toLowerCase()}`);
});
