import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { type Served, serveWebSockets } from '../../support/serve-websockets.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(): Promise<Served> {
  const served = await serveWebSockets(async () => {});
  cleanUps.push(() => served.server.close(0));
  return served;
}

/** Sends raw requests on one connection, the next when the one before was answered; returns all answers. */
async function sendRaw({ server }: Served, requests: readonly string[]): Promise<string> {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  cleanUps.push(() => socket.destroy());
  let answers = '';
  socket.on('data', (data) => {
    answers += String(data);
  });
  const ended = once(socket, 'close');
  for (const [at, sent] of requests.entries()) {
    socket.write(sent);
    await Promise.race([
      ended,
      vi.waitFor(() => expect(statusesIn(answers)).toHaveLength(at + 1), { timeout: 20_000 }),
    ]);
  }
  await ended;
  return answers;
}

const java = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n';
const webSocket =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
const last = 'GET /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

const statusesIn = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);

test.each([
  ['h2c, as Java asks for it', java],
  ['a WebSocket, on a path that has none', webSocket],
  ['something unknown', 'Connection: keep-alive, Upgrade\r\nUpgrade: strange/1\r\n'],
])('requests that ask for %s are answered as ordinary ones, on one connection', async (_, upgrade) => {
  const served = await serve();
  const head = (method: string, more = '') => `${method} /body HTTP/1.1\r\nHost: x\r\n${upgrade}${more}\r\n`;

  const answer = await sendRaw(served, [
    head('GET'),
    `${head('POST', 'Content-Length: 5\r\n')}first`,
    `${head('POST', 'Content-Length: 6\r\n')}second`,
    `${head('POST', 'Transfer-Encoding: chunked\r\n')}5\r\nthird\r\n0\r\n\r\n`,
    last,
  ]);

  expect(statusesIn(answer)).toEqual(['200', '200', '200', '200', '200']);
  const bodies = [...answer.matchAll(/^(?:GET|POST) \w*(?=HTTP|$)/gm)].map(([body]) => body);
  expect(bodies).toEqual(['GET ', 'POST first', 'POST second', 'POST third', 'GET ']);
});

test.each([
  ['asks for h2c', `GET /session?token=yes HTTP/1.1\r\nHost: x\r\n${java}\r\n`, '426'],
  ['asks for nothing', 'GET /session?token=yes HTTP/1.1\r\nHost: x\r\n\r\n', '426'],
  [
    'has a body',
    `GET /session?token=yes HTTP/1.1\r\nHost: x\r\n${webSocket}Content-Length: 2\r\n\r\nab`,
    '426',
  ],
  [
    'is a POST',
    `POST /session?token=yes HTTP/1.1\r\nHost: x\r\n${webSocket}Content-Length: 2\r\n\r\nab`,
    '404',
  ],
])(
  'on the path of a WebSocket, a request that %s is ordinary, and the connection goes on',
  async (_, head, status) => {
    const served = await serve();

    const answer = await sendRaw(served, [head, last]);

    expect(statusesIn(answer)).toEqual([status, '200']);
  },
);

const secure = [
  "content-security-policy: default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options: nosniff',
  'x-frame-options: deny',
  'cache-control: no-store',
];

test.each([
  ['of no version that is known', '400', `Host: x\r\n${webSocket.replace('13', '1')}`],
  ['without a key', '400', `Host: x\r\n${webSocket.replace(/Sec-WebSocket-Key.*\r\n/, '')}`],
  ['with a Host that is none', '400', `Host: a b\r\n${webSocket}`],
  ['with a Host that holds a path', '400', `Host: x/y/\r\n${webSocket}`],
])('A9: a handshake %s is refused as any request is', async (_, status, headers) => {
  const answer = await sendRaw(await serve(), [`GET /session?token=yes HTTP/1.1\r\n${headers}\r\n`]);

  expect(statusesIn(answer)).toEqual([status]);
  for (const line of [...secure, 'content-type: application/json'])
    expect(answer.toLowerCase()).toContain(line);
});

test('A9: what the app refuses of a handshake has the headers that keep it from being a page', async () => {
  const answer = await sendRaw(await serve(), [`GET /session HTTP/1.1\r\nHost: x\r\n${webSocket}\r\n`]);

  expect(statusesIn(answer)).toEqual(['401']);
  for (const line of secure) expect(answer.toLowerCase()).toContain(line);
});

test('A9: an expectation that nobody knows is refused with them too', async () => {
  const head = 'GET /body HTTP/1.1\r\nHost: x\r\nExpect: a-teapot\r\n\r\n';
  const answer = await sendRaw(await serve(), [head]);

  expect(statusesIn(answer)).toEqual(['417']);
  for (const line of secure) expect(answer.toLowerCase()).toContain(line);
});

test('a request without upgrade is told to ask for a WebSocket, in the form of the door', async () => {
  const { server, log } = await serve();

  const response = await fetch(`${server.address}/session?token=yes`);

  expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  expect(await response.json()).toEqual({
    error: 426,
    reason: 'upgrade required',
    details: 'Expected a request for a WebSocket, got an ordinary one.',
  });
  expect(log).toMatchObject([
    { message: 'Refused a request.', facts: { status: 426, refusal: 'upgrade_required', path: '/session' } },
  ]);
});

test('a large body with a wish for h2c arrives whole', async () => {
  const { server } = await serve();
  const body = 'x'.repeat(5_000_000);

  const length = await new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    const sent = request(`${server.address}/body`, { method: 'POST', headers, agent: false }, (response) =>
      resolve(text(response).then((all) => all.length)),
    );
    sent.once('error', reject).end(body);
  });

  expect(length).toBe(body.length + 'POST '.length);
});

test('curl asks for HTTP/2 and is answered', async () => {
  const { server } = await serve();
  const args = ['--silent', '--http2', '--max-time', '20', `${server.address}/body`];

  const { stdout } = await promisify(execFile)('curl', [...args, '--next', ...args, '--data', 'hello']);

  expect(stdout).toBe('GET POST hello');
});

test('CONNECT is cut, as by a server without WebSockets', async () => {
  const served = await serve();

  const answer = await sendRaw(served, ['CONNECT /session HTTP/1.1\r\nHost: x\r\n\r\n']);

  expect(answer).toBe('');
});
