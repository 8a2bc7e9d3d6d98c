import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connectEngine } from '../../../src/docker/engine/dockerode-engine.js';

/** An engine that takes each upgrade, and reads nothing until it is asked to. */
async function openEngine() {
  const directory = mkdtempSync(join(tmpdir(), 'stint-write-'));
  const server = createServer().listen(join(directory, 'socket'));
  await once(server, 'listening');
  const engine = await connectEngine(`unix://${directory}/socket`);
  onTestFinished(() => {
    vi.useRealTimers();
    engine.close();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { engine, server };
}

async function nextUpgrade(server: Server): Promise<Socket> {
  const [, socket] = (await once(server, 'upgrade')) as [unknown, Socket];
  socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
  return socket;
}

const bytes = Buffer.alloc(3_000_000, 'x');
const never = new AbortController().signal;

test('what a program does not read for long waits for it, and nothing of it is lost', async () => {
  const { engine, server } = await openEngine();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const writing = engine.write('c1', bytes, never);
  writing.catch(() => undefined); // It is awaited below.
  const socket = await nextUpgrade(server);
  await once(socket, 'readable');

  await vi.advanceTimersByTimeAsync(24 * 3_600_000);
  const read = buffer(socket);

  expect((await read).length).toBe(bytes.length);
  socket.end();
  expect(await writing).toBeUndefined();
});

test('an engine that does not take the connection is waited for a while only', async () => {
  const { engine, server } = await openEngine();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const writing = engine.write('c1', bytes, never);
  writing.catch(() => undefined); // It is awaited below.
  const [, socket] = (await once(server, 'upgrade')) as [unknown, Socket];

  await vi.advanceTimersByTimeAsync(3_600_000);

  await expect(writing).rejects.toMatchObject({ fault: 'timed_out' });
  socket.destroy();
});

test('a connection that breaks while a program is given its input is an error of the engine', async () => {
  const { engine, server } = await openEngine();
  const writing = engine.write('c1', bytes, never);
  writing.catch(() => undefined); // It is awaited below.
  (await nextUpgrade(server)).destroy();

  await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/^engine_/), call: 'write' });
});

test('the end of the container ends the writing', async () => {
  const { engine, server } = await openEngine();
  const over = new AbortController();
  const writing = engine.write('c1', bytes, over.signal);
  writing.catch(() => undefined); // It is awaited below.
  const socket = await nextUpgrade(server);
  await once(socket, 'readable');

  over.abort();

  await expect(writing).rejects.toBeDefined();
  socket.destroy();
});
