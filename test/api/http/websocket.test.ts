import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import type { Peer, Session } from '../../../src/api/http/websocket.js';
import { BrokenError, RefusedError } from '../../../src/job/errors.js';
import { makeCertificate } from '../../support/certificate.js';
import { type Served, serveWebSockets } from '../../support/serve-websockets.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(...given: Parameters<typeof serveWebSockets>): Promise<Served> {
  const served = await serveWebSockets(...given);
  cleanUps.push(() => served.server.close(0));
  return served;
}

const echo: Session = async ({ messages, send }) => {
  for await (const { data, isBinary } of messages) await send(isBinary ? data : Buffer.from(data).toString());
};

/** Reads and drops until the connection ends. */
const listenOnly: Session = async ({ messages }) => {
  for await (const _ of messages);
};

function gate(): { readonly waiting: Promise<void>; readonly goOn: () => void } {
  let goOn: (() => void) | undefined;
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  return { waiting, goOn: () => goOn?.() };
}

async function opened(webSocket: WebSocket): Promise<WebSocket> {
  cleanUps.push(() => webSocket.terminate());
  await once(webSocket, 'open');
  return webSocket;
}

/** The code with which the server closes; a connection that is only cut has 1006. */
async function closeCode(webSocket: WebSocket): Promise<number> {
  const [code] = await once(webSocket, 'close');
  return code as number;
}

/** The status and the headers with which a connection is refused. */
async function refusal(webSocket: WebSocket) {
  const [, response] = await once(webSocket, 'unexpected-response');
  webSocket.on('error', () => {}); // It never opened.
  webSocket.terminate();
  const { statusCode, headers } = response as { statusCode: number; headers: Record<string, string> };
  return { status: statusCode, headers };
}

/** A client without a library: it sends and reads what the test says. */
async function rawClient({ server }: Served, path = '/session?token=yes', more = ''): Promise<Socket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {}); // Cut by the server.
  cleanUps.push(() => socket.destroy());
  const asked = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\n${asked}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n${more}`,
  );
  return socket;
}

test('texts and bytes come back in their order and kind', async () => {
  const client = await opened((await serve(echo)).connect());
  const got: [string, boolean][] = [];
  client.on('message', (data, isBinary) => got.push([String(data), isBinary]));

  for (let at = 0; at < 100; at++) client.send(at % 2 ? `${at} é` : Buffer.from(`${at}`));

  await vi.waitFor(() => expect(got).toHaveLength(100), { timeout: 20_000 });
  expect(got).toEqual(
    Array.from({ length: 100 }, (_, at) => (at % 2 ? [`${at} é`, false] : [`${at}`, true])),
  );
});

test('a WebSocket works over TLS', async () => {
  const certificate = makeCertificate();
  cleanUps.push(() => certificate.remove());
  const served = await serve(echo, { http: { tls: certificate } });
  const client = await opened(served.connect(undefined, { ca: certificate.caPem }));

  client.send('hello');

  expect(String((await once(client, 'message'))[0])).toBe('hello');
});

test('a message that is sent with the request is not lost', async () => {
  const frame = `${String.fromCharCode(0x81, 0x82, 0, 0, 0, 0)}hi`;
  const served = await serve(echo);
  const socket = connect(served.server.port, '127.0.0.1');
  cleanUps.push(() => socket.destroy());
  const head =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  socket.write(
    Buffer.from(`GET /session?token=yes HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${frame}`, 'latin1'),
  );
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString('latin1');
  });

  await vi.waitFor(() => expect(answer.endsWith('\u0081\u0002hi')).toBe(true), { timeout: 20_000 });
});

test('middleware refuses an upgrade with its status, and the connection is closed from both sides', async () => {
  const served = await serve(echo);

  const { status, headers } = await refusal(served.connect('/session'));
  const silent = await rawClient(served, '/session'); // It never closes its half.

  expect(status).toBe(401);
  expect(headers['x-request-id']).toBeDefined();
  expect(served.log[0]).toMatchObject({
    message: 'Refused a request.',
    facts: { status: 401, refusal: 'token_missing', path: '/session' },
  });
  silent.resume();
  await once(silent, 'end');
  await served.server.close(60_000); // It would wait for a connection that is half open.
}, 30_000);

test('a request is logged and measured as answered with 101, before the session ends', async () => {
  const served = await serve(echo);
  const client = await opened(served.connect());

  expect(served.observed).toMatchObject([{ code: 101, method: 'GET', path: '/session' }]);
  expect(served.log).toMatchObject([{ message: 'Answered a request.', facts: { status: 101 } }]);

  client.close();
  await vi.waitFor(() => expect(served.log).toHaveLength(2), { timeout: 20_000 });
  const { requestId } = served.log[0]?.facts ?? {};
  expect(served.log[1]).toEqual({
    level: 'info',
    message: 'A WebSocket ended.',
    facts: { requestId, path: '/session', ms: expect.any(Number) },
  });
  expect(served.observed).toHaveLength(1);
});

const canary = 'hvs.CANARY-4711';

test.each([
  ['that is done', async () => {}, 1000, { level: 'info', message: 'A WebSocket ended.' }],
  [
    'that refuses',
    async () => Promise.reject(new RefusedError('not_found', canary)),
    1011,
    { level: 'info', message: 'A WebSocket was ended by a refusal.', facts: { refusal: 'not_found' } },
  ],
  [
    'whose part failed',
    async () => Promise.reject(new BrokenError('database_unavailable', 'No database.')),
    1011,
    { level: 'warn', message: 'A WebSocket was ended by a failure.' },
  ],
  [
    'with a bug',
    () => {
      throw new TypeError('no such thing');
    },
    1011,
    {
      level: 'error',
      message: 'A WebSocket was ended by a bug.',
      facts: { error: new TypeError('no such thing') },
    },
  ],
] satisfies [string, Session, number, object][])(
  'a session %s closes the connection and is logged',
  async (_, session, code, line) => {
    const served = await serve(session);

    expect(await closeCode(served.connect())).toBe(code);

    await vi.waitFor(() => expect(served.log.at(-1)).toMatchObject(line), { timeout: 20_000 });
    expect(JSON.stringify(served.log)).not.toContain(canary);
  },
);

test.each([
  ['closes', (client: WebSocket) => client.close()],
  ['is gone', (client: WebSocket) => client.terminate()],
  ['sends a message that is too large', (client: WebSocket) => client.send(Buffer.alloc(1024 * 1024 + 1))],
])(
  'a client that %s ends the messages, aborts the signal, and what is sent then goes nowhere',
  async (_, leave) => {
    const ended: unknown[] = [];
    const served = await serve(async ({ messages, send, signal }) => {
      for await (const { data } of messages) ended.push(String(data));
      await Promise.all([send('late'), send(Buffer.from('late'))]);
      ended.push(signal.aborted);
    });
    const client = await opened(served.connect());
    client.on('error', () => {});
    client.send('only');

    leave(client);

    await vi.waitFor(() => expect(ended.at(-1)).toBe(true), { timeout: 20_000 });
    expect(ended.slice(0, -1).every((each) => each === 'only')).toBe(true);
    await vi.waitFor(() => expect(served.log.at(-1)?.message).toBe('A WebSocket ended.'), {
      timeout: 20_000,
    });
  },
);

test('a message of 1 MiB is taken, a larger one closes the connection', async () => {
  const served = await serve(echo);
  const client = await opened(served.connect(undefined, { maxPayload: 2 ** 21 }));

  client.send(Buffer.alloc(1024 * 1024));
  const [data] = await once(client, 'message');
  client.send(Buffer.alloc(1024 * 1024 + 1));

  expect((data as Buffer).length).toBe(1024 * 1024);
  expect(await closeCode(client)).toBe(1009);
});

test('no client gets a compressed connection', async () => {
  const client = await opened((await serve(echo)).connect(undefined, { perMessageDeflate: true }));

  expect(client.extensions).toBe('');
});

test('a session that does not read slows its client down', async () => {
  const { waiting, goOn } = gate();
  let count = 0;
  const served = await serve(async ({ messages }) => {
    await waiting;
    for await (const _ of messages) count += 1;
  });
  const client = await opened(served.connect());
  const most = 80;

  for (let at = 0; at < most; at++) client.send(Buffer.alloc(512 * 1024));
  await settled(() => client.bufferedAmount);

  // What is not in the client's memory is in the buffers of the two sockets and in a few messages of the server.
  expect(client.bufferedAmount).toBeGreaterThan((most / 2) * 512 * 1024);
  goOn();
  await vi.waitFor(() => expect(count).toBe(most), { timeout: 20_000 });
});

test('a client that sends on when its session is done is closed, not waited for', async () => {
  const served = await serve(async ({ messages }) => {
    await messages[Symbol.asyncIterator]().next(); // Without giving the iterator back.
  });
  const client = await opened(served.connect());

  for (let at = 0; at < 200; at++) client.send(Buffer.alloc(100 * 1024));

  expect(await closeCode(client)).toBe(1000);
}, 20_000);

/** Waits until a figure stays the same for a while. */
async function settled(figure: () => number): Promise<void> {
  let before = Number.NaN;
  let same = 0;
  const check = () => {
    same = figure() === before ? same + 1 : 0;
    before = figure();
    expect(same).toBeGreaterThan(10);
  };
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });
}

test('a client that reads nothing makes its session wait, holds little memory, and is cut', async () => {
  let sent = 0;
  let isAborted = false;
  const chunk = Buffer.alloc(256 * 1024);
  const served = await serve(
    async ({ send, signal }) => {
      while (!signal.aborted) {
        await send(chunk);
        sent += 1;
      }
      isAborted = true;
    },
    { stallMs: 500 },
  );

  const client = await rawClient(served); // Nothing reads from it.
  client.pause();

  await vi.waitFor(() => expect(isAborted).toBe(true), { timeout: 20_000 });
  expect(sent * chunk.length).toBeLessThan(64 * 1024 * 1024);
});

test('a client that pings without reading the answers is cut', async () => {
  const served = await serve(listenOnly);
  const client = await rawClient(served);
  await once(client, 'readable');
  const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
  const many = Buffer.concat(Array.from({ length: 5000 }, () => ping));

  const feeding = setInterval(() => client.write(many), 1);
  cleanUps.push(() => clearInterval(feeding));

  await vi.waitFor(() => expect(served.log.at(-1)?.message).toBe('A WebSocket ended.'), { timeout: 20_000 });
});

test('a client that gives no sign of life is cut, one that does is kept', async () => {
  const peers: Peer[] = [];
  const served = await serve(
    async (peer) => {
      peers.push(peer);
      await listenOnly(peer);
    },
    { pingMs: 1000 },
  );
  const alive = await opened(served.connect());
  const dead = await opened(served.connect(undefined, { autoPong: false }));
  let pings = 0;
  alive.on('ping', () => {
    pings += 1;
  });

  expect(await closeCode(dead)).toBe(1006);
  await vi.waitFor(() => expect(pings).toBeGreaterThan(2), { timeout: 20_000 });

  expect(peers.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  expect(alive.readyState).toBe(alive.OPEN);
});

test('a client that is not read from is not taken for dead', async () => {
  const { waiting, goOn } = gate();
  const served = await serve(
    async (peer) => {
      await waiting;
      await echo(peer);
    },
    { pingMs: 300 },
  );
  const client = await opened(served.connect());
  let pings = 0;
  let answers = 0;
  client.on('ping', () => {
    pings += 1;
  });
  client.on('message', () => {
    answers += 1;
  });

  for (let at = 0; at < 20; at++) client.send(Buffer.alloc(64 * 1024));
  await vi.waitFor(() => expect(pings).toBeGreaterThan(3), { timeout: 20_000 });
  goOn();

  await vi.waitFor(() => expect(answers).toBe(20), { timeout: 20_000 });
});

test('closing tells clients that the server goes away, and waits for their sessions', async () => {
  const steps: string[] = [];
  const served = await serve(async (peer) => {
    await listenOnly(peer);
    await new Promise(setImmediate);
    steps.push(`session, ${peer.signal.aborted}`);
  });
  const clients = [await opened(served.connect()), await opened(served.connect())];
  const codes = clients.map(closeCode);

  await served.server.close(60_000);
  steps.push('closed');

  expect(await Promise.all(codes)).toEqual([1001, 1001]);
  expect(steps).toEqual(['session, true', 'session, true', 'closed']);
});

test('closing cuts a client that does not answer, and leaves a session that goes on for ever', async () => {
  const served = await serve(() => new Promise(() => {}));
  const client = await rawClient(served);
  await once(client, 'data');

  await served.server.close(200);

  await vi.waitFor(() => expect(client.destroyed || client.readableEnded).toBe(true), { timeout: 20_000 });
});

test('a request that comes while the server closes is refused', async () => {
  let isAsked = false;
  const { waiting, goOn } = gate();
  const served = await serve(echo, {
    before: async () => {
      isAsked = true;
      await waiting;
    },
  });
  const refused = refusal(served.connect());
  await vi.waitFor(() => expect(isAsked).toBe(true), { timeout: 20_000 });

  const closed = served.server.close(60_000);
  goOn();

  expect((await refused).status).toBe(503);
  await closed;
  expect(served.log).toMatchObject([{ facts: { refusal: 'draining' } }]);
});

test('connections beyond the limit are refused until one ends', async () => {
  const served = await serve(echo, { places: { inAll: 2 } });
  const first = await opened(served.connect());
  await opened(served.connect());

  const { status, headers } = await refusal(served.connect());
  first.close();
  await once(first, 'close');

  expect([status, headers['retry-after']]).toEqual([503, '5']);
  expect(served.log.at(2)).toMatchObject({ facts: { refusal: 'connections_full', status: 503 } });
  await vi.waitFor(() => opened(served.connect()), { timeout: 20_000 });
});
