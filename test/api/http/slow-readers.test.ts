import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cutSlowReaders } from '../../../src/api/http/slow-readers.js';
import { usualReading } from '../../support/reading.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class FakeSocket extends EventEmitter {
  writableLength = 0;
  bytesWritten = 0;
  isCut = false;

  destroy(): void {
    this.isCut = true;
    this.emit('close');
  }

  /** The server writes, the client takes: what is left waits. */
  pass(written: number, taken: number): void {
    this.bytesWritten += written;
    this.writableLength += written - taken;
  }
}

function start(): { socket: FakeSocket; look: () => Promise<unknown>; server: EventEmitter } {
  const server = new EventEmitter();
  const socket = new FakeSocket();
  cutSlowReaders(server as Server, usualReading);
  server.emit('request', { socket });
  return { socket, server, look: () => vi.advanceTimersByTimeAsync(30_000) };
}

test('a client that takes nothing of what waits for it is cut at the second look', async () => {
  const { socket, look } = start();
  socket.pass(1_000, 0);

  await look();
  expect(socket.isCut).toBe(false);
  await look();

  expect(socket.isCut).toBe(true);
});

test('one that takes a few bytes now and then is cut too, and one that takes enough is not', async () => {
  const [drop, enough] = [start(), start()];

  for (let i = 0; i < 10; i++) {
    drop.socket.pass(i === 0 ? 100_000 : 0, 10);
    enough.socket.pass(i === 0 ? 1_000_000 : 0, 64 * 1024);
    await drop.look();
  }

  expect(drop.socket.isCut).toBe(true);
  expect(enough.socket.isCut).toBe(false);
});

test('a connection on which nothing waits is left alone, however long', async () => {
  const { socket, look } = start();

  for (let i = 0; i < 100; i++) {
    socket.pass(500, 500);
    await look();
  }

  expect(socket.isCut).toBe(false);
});

test('when too much waits in all, those are cut on which the most waits and nothing moves, and no others', async () => {
  const server = new EventEmitter();
  const mib = 1024 * 1024;
  const sockets = [30, 20, 10, 10].map((waiting) => {
    const socket = new FakeSocket();
    socket.pass(waiting * mib, 0);
    return socket;
  });
  cutSlowReaders(server as Server, usualReading);
  for (const socket of sockets) server.emit('request', { socket });
  await vi.advanceTimersByTimeAsync(1_000);
  sockets[1]?.pass(100, 200);

  await vi.advanceTimersByTimeAsync(1_000);
  expect(sockets.map(({ isCut }) => isCut)).toEqual([true, false, false, false]);

  await vi.advanceTimersByTimeAsync(5_000);
  expect(sockets.filter(({ isCut }) => isCut)).toHaveLength(1);
});

test('nothing goes on after the server has closed', async () => {
  const { server } = start();

  server.emit('close');

  expect(vi.getTimerCount()).toBe(0);
});
