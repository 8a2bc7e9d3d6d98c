import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { isWebSocketPath } from '../../../../src/api/app.js';
import { type Listening, listen } from '../../../../src/api/http/server.js';
import type { PlaceLimits } from '../../../../src/api/http/websocket-places.js';
import { usualReading } from '../../../support/reading.js';
import { createTestApp } from '../../../support/test-app.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const log = { info: () => {}, warn: () => {}, error: () => {} };
const poll = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 });

const isPath = (path: string) => isWebSocketPath({ doors: ['gaffer'] }, path);

async function serve(app: Parameters<typeof listen>[0], places: Partial<PlaceLimits> = {}) {
  const webSockets = { isPath, log, places };
  const server = await listen(app, { host: '127.0.0.1', port: 0, reading: usualReading, webSockets });
  cleanUps.push(() => server.close(0));
  return (token?: string, path?: string) => connect(server, token, path);
}

function connect({ address }: Listening, token?: string, path = '/channel/websocket') {
  const headers = token === undefined ? {} : { 'x-auth-token': token };
  const socket = new WebSocket(`${address.replace('http', 'ws')}${path}`, { headers });
  const client = { socket, status: undefined as number | undefined, got: [] as string[] };
  socket.on('open', () => (client.status = 101));
  socket.on('unexpected-response', (_, { statusCode }) => (client.status = statusCode));
  socket.on('message', (data) => client.got.push(String(data)));
  socket.on('error', () => {});
  cleanUps.push(() => socket.terminate());
  return client;
}

const jobs = (identity: number) =>
  JSON.stringify({ event: 'CMD', data: { identity, name: 'jobs', args: [], kwargs: {} } });

test('A2: what one caller asks over many WebSockets waits in one line, and nobody else does', async () => {
  const { app, queue } = createTestApp();
  const release = new AbortController();
  const inWork = { e1: 0, e2: 0 };
  let most = 0;
  queue.listed = async (_, reach) => {
    const key = JSON.stringify(reach).includes('e1') ? 'e1' : 'e2';
    inWork[key] += 1;
    most = Math.max(most, inWork.e1);
    if (key === 'e1' && !release.signal.aborted) await once(release.signal, 'abort');
    inWork[key] -= 1;
    return [];
  };
  const open = await serve(app);
  const busy = Array.from({ length: 30 }, () => open('s.token1'));
  const other = open('s.token2');
  await poll(() => [...busy, other].every(({ status }) => status === 101)).toBe(true);

  for (const { socket } of busy) socket.send(jobs(1));
  await poll(() => inWork.e1).toBeGreaterThanOrEqual(8);
  other.socket.send(jobs(2));

  await poll(() => other.got).toHaveLength(1);
  release.abort();
  await poll(() => busy.every(({ got }) => got.length === 1)).toBe(true);
  expect(most).toBe(8);
});

test.each(['/channel/websocket', '/7/channel'])(
  'A2: strangers who open %s and say nothing leave the WebSockets to others',
  async (path) => {
    const { app } = createTestApp();
    const open = await serve(app, { inAll: 10, ofAddress: 4, ofStrangers: 6 });

    const strangers = Array.from({ length: 12 }, () => open(undefined, path));
    await poll(() => strangers.filter(({ status }) => status === 503)).toHaveLength(8);
    const known = open('s.token1', path);
    await poll(() => known.status).toBeDefined();

    expect(known.status).toBe(101);
  },
);

test('A2: one caller who opens all the WebSockets there may be leaves some to others', async () => {
  const open = await serve(createTestApp().app, { inAll: 10, ofCaller: 6 });

  const greedy = Array.from({ length: 12 }, () => open('s.token1'));
  await poll(() => greedy.filter(({ status }) => status === 503)).toHaveLength(6);
  const other = open('s.token2');
  await poll(() => other.status).toBeDefined();

  expect(other.status).toBe(101);
});

test('A2: a token in the first message counts for the address that it came from, and its WebSocket for its caller', async () => {
  const sources: (string | undefined)[] = [];
  const identify = async (_: string, __?: boolean, source?: string) => {
    sources.push(source);
    return { entityId: 'e1', accessor: 'a1', displayName: 'first', policies: [] };
  };
  const open = await serve(createTestApp({ identify }).app, { ofAddress: 1, ofCaller: 1 });
  const first = open();
  await poll(() => first.status).toBe(101);

  first.socket.send('AUTH:s.token1');
  await poll(() => sources).toEqual(['127.0.0.1']);
  const second = open();
  await poll(() => second.status).toBe(101);
  second.socket.send('AUTH:s.token1');

  await poll(() => second.got.join()).toContain('too many connections');
  expect(first.socket.readyState).toBe(WebSocket.OPEN);
});
