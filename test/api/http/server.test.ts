import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Listening, type ListenOptions, listen } from '../../../src/api/http/server.js';
import { type CertificateFiles, makeCertificate } from '../../support/certificate.js';
import { usualReading } from '../../support/reading.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

const limit = 100_000;
const token = { 'x-auth-token': 's.token1' };
const cleanUps: (() => unknown)[] = [];
let certificate: CertificateFiles;

beforeAll(() => {
  certificate = makeCertificate();
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

afterAll(() => certificate.remove());

type Served = TestApp & { readonly server: Listening };

async function serve(options: Partial<ListenOptions> = {}, changes = {}): Promise<Served> {
  const tested = createTestApp({ bodyLimitBytes: limit, ...changes });
  const server = await listen(tested.app, { host: '127.0.0.1', port: 0, reading: usualReading, ...options });
  cleanUps.push(() => server.close(0));
  return { ...tested, server };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Sent = RequestOptions & { readonly chunks?: readonly (string | Uint8Array)[] };

/** With `chunks` and no length the body is sent in chunks. */
async function send(
  { server }: Served,
  path: string,
  { chunks = [], ...options }: Sent = {},
): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const made = request(`${server.address}${path}`, { headers: token, ...options }, resolve);
    made.once('error', reject);
    for (const chunk of chunks) made.write(chunk);
    made.end();
  });
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Sends raw bytes and returns the answer. Ends when the server closes the connection. */
async function sendRaw({ server }: Served, lines: string): Promise<string> {
  const socket = rawSocket(server.port);
  socket.write(lines);
  return text(socket);
}

function rawSocket(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  cleanUps.push(() => socket.destroy());
  return socket;
}

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cleanUps.push(() => agent.destroy());
  return agent;
}

test('a job is posted and read over HTTP', async () => {
  const served = await serve();
  expect(served.server.address).toBe(`http://127.0.0.1:${served.server.port}`);

  const posted = await send(served, '/v1/api/job', {
    method: 'POST',
    chunks: ['{"wrap_secret_id":', '"s.w"}'],
  });
  const { _id } = JSON.parse(posted.body) as { _id: string };
  const read = await send(served, `/v1/api/job/%20${_id.toUpperCase()}/`);

  expect([posted.status, read.status]).toEqual([200, 200]);
  expect(read.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(JSON.parse(read.body)).toMatchObject({ _id, status: 'queued' });
});

test('HEAD is answered as GET, without a body', async () => {
  const served = await serve();

  const head = await send(served, '/v1/api/vault/info', { method: 'HEAD' });

  expect(head).toMatchObject({ status: 200, body: '' });
});

test('HTTPS answers with the certificate that was set, from TLS 1.2 on', async () => {
  const served = await serve({ tls: certificate });
  const ca = certificate.caPem;
  const ask = (options: RequestOptions & { maxVersion?: 'TLSv1.1' }) =>
    new Promise<string>((resolve, reject) => {
      requestTls(`${served.server.address}/healthz`, { ca, agent: false, ...options }, (response) =>
        resolve(text(response)),
      )
        .once('error', reject)
        .end();
    });

  expect(served.server.address).toMatch(/^https:/);
  expect(await ask({})).toBe('{"status":"ok"}');
  await expect(ask({ maxVersion: 'TLSv1.1' })).rejects.toThrow(/./);
});

test('plain HTTP on the port of HTTPS does no harm', async () => {
  const served = await serve({ tls: certificate });

  expect(await sendRaw(served, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => '')).not.toContain('200 OK');
});

test('a kept connection serves one request after the other, refusals between them', async () => {
  const served = await serve();
  const agent = keepAlive();
  const ports = new Set<number | undefined>();
  agent.on('free', (socket: Socket) => ports.add(socket.localPort));

  const bodies = ['{"wrap_secret_id":"s.w"}', '{', '[]', '{"wrap_secret_id":"s.w"}'];
  const statuses = [];
  for (const body of bodies) {
    statuses.push((await send(served, '/v1/api/job', { method: 'POST', agent, chunks: [body] })).status);
    statuses.push((await send(served, '/v1/api/job', { agent, headers: {} })).status);
  }

  expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 200, 400]);
  await vi.waitFor(() => expect(ports.size).toBe(1));
});

test.each([
  ['says its length', { 'content-length': String(3 * limit) }, 'got 300000.'],
  ['is sent in chunks', { 'transfer-encoding': 'chunked' }, 'got more.'],
])('a large body that %s is refused, and the connection goes on', async (_, headers, got) => {
  const served = await serve();
  const agent = keepAlive();
  const chunks = Array.from({ length: 30 }, () => Buffer.alloc(limit / 10, ' '));

  const refused = await send(served, '/v1/api/job', {
    method: 'POST',
    agent,
    headers: { ...token, ...headers },
    chunks,
  });
  const next = await send(served, '/healthz', { agent });

  expect(refused.status).toBe(413);
  expect(JSON.parse(refused.body)).toEqual({
    status: 'Invalid job request.',
    error: expect.stringContaining(got),
  });
  expect(next.status).toBe(200);
  expect(served.queue.asked).toEqual([]);
});

test.each([
  ['is too large', { 'x-auth-token': 's.token1', 'content-length': String(3 * limit) }, 413],
  ['has a bad token', { 'x-auth-token': 's.bad', 'content-length': String(limit) }, 403],
  ['has no token', { 'content-length': String(limit) }, 400],
  ['has a bad token, in chunks', { 'x-auth-token': 's.bad' }, 403],
])(
  'a client that sends on for a second after its refusal sends all and reads the answer: it %s',
  async (_, headers, status) => {
    const served = await serve();
    const agent = keepAlive();
    const size = Number((headers as Record<string, string>)['content-length'] ?? limit);

    const { answered, sentMs } = await sendSlowly(served, { method: 'POST', agent, headers }, size);
    const next = await send(served, '/healthz', { agent });

    expect(answered).toBe(status);
    expect(sentMs).toBeGreaterThan(1_000);
    expect(next.status).toBe(200);
  },
);

/** Sends a body in twelve parts, a tenth of a second apart, as over a slow line. */
async function sendSlowly(
  { server }: Served,
  options: RequestOptions,
  size: number,
): Promise<{ answered: number | undefined; sentMs: number }> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const sending = request(`${server.address}/v1/api/job`, options);
    const parts = Array.from({ length: 12 }, (__, at) =>
      Buffer.alloc(Math.ceil(size / 12), ' ').subarray(0, size - at * Math.ceil(size / 12)),
    );
    const sender = setInterval(() => {
      const part = parts.shift();
      if (part !== undefined) sending.write(part);
      else {
        clearInterval(sender);
        sending.end();
      }
    }, 100);
    let answered: number | undefined;
    sending.once('response', (response) => {
      answered = response.statusCode;
      response.resume();
    });
    sending.once('error', (error) => {
      clearInterval(sender);
      reject(error);
    });
    sending.once('close', () => resolve({ answered, sentMs: performance.now() - startedAt }));
  });
}

test('a body without end is answered, and its connection closed', async () => {
  const served = await serve({ lingerMs: 300 });
  const socket = rawSocket(served.server.port);
  socket.write(
    'POST /v1/api/job HTTP/1.1\r\nHost: x\r\nX-Auth-Token: s.token1\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const feeding = setInterval(() => socket.write(`1000\r\n${' '.repeat(0x1000)}\r\n`), 1);
  cleanUps.push(() => clearInterval(feeding));
  socket.on('error', () => clearInterval(feeding)); // The server has closed the connection, as it should.
  let answer = '';
  socket.on('data', (data) => {
    answer += String(data);
  });

  await vi.waitFor(() => expect(socket.destroyed || socket.readableEnded).toBe(true), { timeout: 10_000 });

  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
});

test.each([
  [
    'a body longer than it says',
    'POST /v1/api/job HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}garbage\r\n\r\n',
    400,
  ],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['a length below zero', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n', 400],
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX-Auth-Token: a\0b\r\n\r\n', 400],
])('%s is refused in the form of the door, and the connection closed', async (_, lines, status) => {
  const served = await serve();

  const answer = await sendRaw(served, lines);

  const last = answer.slice(answer.lastIndexOf('HTTP/1.1 '));
  expect(last).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(last).toMatch(/\{"status":"Invalid request\.","error":"Expected [^"]+"\}$/);
  expect(served.queue.asked).toEqual([]);
});

test.each(['GET /v1/../v1/api/jo\\b HTTP/1.1\r\nHost: x', 'GET /healthz HTTP/1.1\r\nHost: a b/../c'])(
  'an address that is none is refused in the form of the door: %j',
  async (lines) => {
    const served = await serve();

    const answer = await sendRaw(served, `${lines}\r\nConnection: close\r\n\r\n`);

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"status":"Invalid request."');
    expect(answer).not.toMatch(/Error:|node_modules/);
  },
);

test('closing lets a request end that is under way, and takes no new ones', async () => {
  let goOn: (() => void) | undefined;
  const waiting = new Promise<undefined>((resolve) => {
    goOn = () => resolve(undefined);
  });
  const served = await serve({}, { engineState: () => waiting });
  const agent = keepAlive();
  const slow = send(served, '/v1/api/health', { agent });
  await vi.waitFor(() => expect(served.queue.asked).toEqual(['counts']));

  const closed = served.server.close();
  await expect(send(served, '/healthz')).rejects.toThrow('ECONNREFUSED');
  goOn?.();

  expect((await slow).status).toBe(200);
  const began = performance.now();
  await closed; // Although the client would keep the connection.
  expect(performance.now() - began).toBeLessThan(2000);
});

test('closing cuts what does not end by itself: a silent connection and an unanswered request', async () => {
  const served = await serve({}, { engineState: () => new Promise(() => {}) });
  const silent = rawSocket(served.server.port);
  const unanswered = send(served, '/v1/api/health').catch((error: unknown) => error);
  await vi.waitFor(() => expect(served.queue.asked).toEqual(['counts']));
  silent.on('error', () => {}); // Cut by the server.

  await Promise.all([served.server.close(100), served.server.close(100)]);

  expect(await unanswered).toBeInstanceOf(Error);
  await vi.waitFor(() => expect(silent.destroyed || silent.readableEnded || silent.closed).toBe(true));
});

test('a port in use and an invalid certificate are reported in our own error texts', async () => {
  const { server } = await serve();
  const open = (more: Partial<ListenOptions>) => serve({ port: 0, ...more });
  const { certPath, keyPath } = certificate;

  await expect(open({ port: server.port })).rejects.toThrow(
    `Could not listen on 127.0.0.1, port ${server.port}: EADDRINUSE.`,
  );
  await expect(open({ tls: { certPath: '/nowhere.pem', keyPath } })).rejects.toThrow(
    'Could not read the certificate in /nowhere.pem: ENOENT.',
  );
  await expect(open({ tls: { certPath: keyPath, keyPath: certPath } })).rejects.toThrow(
    /^Could not use the certificate in .*: ERR_[A-Z_]+\.$/,
  );
});
