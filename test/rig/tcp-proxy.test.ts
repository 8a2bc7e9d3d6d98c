import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { TcpProxy } from '../../rig/tcp-proxy.js';

/** Echoes whatever it receives. */
const echo: Server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
await once(echo.listen(0, '127.0.0.1'), 'listening');
afterAll(() => void echo.close());

function start(): Promise<TcpProxy> {
  return TcpProxy.start({ to: { host: '127.0.0.1', port: (echo.address() as AddressInfo).port } });
}

async function open(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function answerTo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

test('bytes pass in both directions', async () => {
  await using proxy = await start();
  await using socket = await open(proxy);

  expect(await answerTo(socket, 'hello')).toBe('hello');
});

test('a cut breaks the open connections, and new ones work', async () => {
  await using proxy = await start();
  await using first = await open(proxy);
  await answerTo(first, 'hello');

  proxy.cut();
  await once(first, 'close');

  await using second = await open(proxy);
  expect(await answerTo(second, 'again')).toBe('again');
});

test('while it refuses no connection works, and afterwards they do', async () => {
  await using proxy = await start();
  proxy.refuse();
  await using refused = await open(proxy);
  await once(refused, 'close');

  proxy.heal();

  await using socket = await open(proxy);
  expect(await answerTo(socket, 'hello')).toBe('hello');
});

test('a slow connection is delayed, and keeps the order', async () => {
  await using proxy = await start();
  proxy.slow(50);
  await using socket = await open(proxy);
  const startedAt = performance.now();

  expect(await answerTo(socket, 'hello')).toBe('hello');

  expect(performance.now() - startedAt).toBeGreaterThan(95);
});

test('a stalled connection passes nothing until it is healed', async () => {
  await using proxy = await start();
  await using socket = await open(proxy);
  proxy.stall();
  let isAnswered = false;
  const answer = answerTo(socket, 'hello').finally(() => {
    isAnswered = true;
  });
  await using other = await start();
  await using free = await open(other);
  for (const word of ['one', 'two', 'three']) await answerTo(free, word); // Long enough for an answer.
  expect(isAnswered).toBe(false);

  proxy.heal();

  expect(await answer).toBe('hello');
});
