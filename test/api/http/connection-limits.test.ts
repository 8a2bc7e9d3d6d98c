import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { usualConnections } from '../../../src/api/http/connection-limits.js';
import { listen } from '../../../src/api/http/server.js';
import { usualReading } from '../../support/reading.js';
import { createTestApp } from '../../support/test-app.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve() {
  const told: string[] = [];
  const server = await listen(createTestApp().app, {
    host: '127.0.0.1',
    port: 0,
    reading: usualReading,
    connections: { inAll: 5, ofAddress: 3 },
    onFull: (reason) => told.push(reason),
  });
  cleanUps.push(() => server.close(0));
  const open = (localAddress: string) => {
    const client = { socket: connect({ port: server.port, host: '127.0.0.1', localAddress }), got: '' };
    client.socket.on('error', () => {}); // Cut by the server.
    client.socket.on('data', (data) => {
      client.got += String(data);
    });
    cleanUps.push(() => client.socket.destroy());
    client.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    return client;
  };
  return { open, told };
}

type Client = { readonly socket: Socket; readonly got: string };

const poll = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });
const isAnswered = ({ got }: Client) => got.includes('200 OK');
const isSettled = (client: Client) => isAnswered(client) || client.socket.closed;

async function answered(clients: readonly Client[]): Promise<number> {
  await poll(() => clients.every(isSettled)).toBe(true);
  return clients.filter(isAnswered).length;
}

test('A2: one address leaves connections to others, all together leave files to jobs, and it is told once', async () => {
  const { open, told } = await serve();

  expect(await answered([1, 2, 3, 4, 5].map(() => open('127.0.0.1')))).toBe(3);
  expect(await answered([1, 2, 3].map((last) => open(`127.0.0.${last + 1}`)))).toBe(2);

  expect(told).toEqual(['one address has as many as it may have: 3']);
});

test('a connection that ends makes room for another', async () => {
  const { open } = await serve();
  const [first, ...others] = [1, 2, 3].map(() => open('127.0.0.1'));
  expect(await answered([first as Client, ...others])).toBe(3);

  first?.socket.destroy();

  await expect.poll(async () => answered([open('127.0.0.1')]), { timeout: 20_000 }).toBe(1);
});

test.each([
  ['Max open files            1024                 524288               files     ', 512, 256],
  ['Max open files            1048576              1048576              files     ', 10_000, 5_000],
  ['Max open files            unlimited            unlimited            files     ', 512, 256],
])(
  'of the open files that the system allows half are for connections: %s',
  async (line, inAll, ofAddress) => {
    const directory = await mkdtemp(join(tmpdir(), 'stint-limits-'));
    cleanUps.push(() => rm(directory, { recursive: true }));
    const path = join(directory, 'limits');
    await writeFile(path, `Limit  Soft Limit  Hard Limit  Units\n${line}\n`);

    expect(await usualConnections(path)).toEqual({ inAll, ofAddress });
    expect(await usualConnections(join(directory, 'none'))).toEqual({ inAll: 512, ofAddress: 256 });
  },
);
