// Cuts connections whose clients do not take their answers.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** What a client must take of an answer that waits for it: two kibibytes a second, looked at twice a minute. */
const lookMs = 30_000;
const leastBytes = 64 * 1024;

interface Look {
  /** What the client's machine had taken of all that was ever sent on the connection. */
  readonly taken: number;
  readonly isWaiting: boolean;
}

/**
 * A connection on which something waited at two looks, and of which too little was taken in between, is cut. What waits is in
 * this process; what the system has taken for the client costs us nothing.
 */
export function cutSlowReaders(server: Server, everyMs = lookMs): void {
  const looks = new Map<Socket, Look>();
  server.on('request', ({ socket }: IncomingMessage) => {
    if (looks.has(socket)) return;
    looks.set(socket, { taken: 0, isWaiting: false });
    socket.once('close', () => looks.delete(socket));
  });
  const timer = setInterval(() => {
    for (const [socket, before] of looks) {
      const now = lookAt(socket);
      looks.set(socket, now);
      if (before.isWaiting && now.isWaiting && now.taken - before.taken < leastBytes) socket.destroy();
    }
  }, everyMs).unref();
  server.once('close', () => clearInterval(timer));
}

/** A write counts as taken when all of it is; streams write pieces of some hundred kibibytes at most. */
function lookAt(socket: Socket): Look {
  const waiting = socket.writableLength;
  return { taken: socket.bytesWritten - waiting, isWaiting: waiting > 0 };
}
