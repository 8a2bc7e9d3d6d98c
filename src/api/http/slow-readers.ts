// Cuts connections whose clients do not take their answers.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

export interface ReadingRules {
  /** How often all connections are looked at. */
  readonly lookMs?: number;
  /** What a client must take of an answer that waits for it, from look to look. */
  readonly leastBytes: number;
  /** What may wait on all connections together. */
  readonly mostWaitingBytes: number;
  /** How often it is added up. */
  readonly sumMs?: number;
}

/** A test makes them shorter. */
const usualTimes = { lookMs: 30_000, sumMs: 1_000 } as const;

/** What waits is in this process; what the system has taken for the client costs us nothing. */
interface Look {
  /** What the client's machine had taken of all that was ever sent on the connection. */
  readonly taken: number;
  readonly waiting: number;
}

/**
 * Cuts a connection on which something waited at two looks, and of which too little was taken in between. When too much waits
 * on all together, those are cut on which the most waits, and of which nothing was taken since the last sum.
 */
export function cutSlowReaders(server: Server, rules: ReadingRules): void {
  const { lookMs, sumMs, leastBytes, mostWaitingBytes } = { ...usualTimes, ...rules };
  const sockets = new Set<Socket>();
  server.on('request', ({ socket }: IncomingMessage) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const stopLooking = eachTime(lookMs, sockets, (stuck) => {
    for (const { socket, took } of stuck) if (took < leastBytes) socket.destroy();
  });
  const stopAdding = eachTime(sumMs, sockets, (stuck) => {
    let sum = [...sockets].reduce((bytes, { writableLength }) => bytes + writableLength, 0);
    for (const { socket, took, waiting } of stuck.toSorted((a, b) => b.waiting - a.waiting)) {
      if (sum <= mostWaitingBytes) return;
      if (took > 0) continue;
      socket.destroy();
      sum -= waiting;
    }
  });
  server.once('close', () => {
    stopLooking();
    stopAdding();
  });
}

/** A connection on which something waited at this look and at the last one, and what was taken in between. */
interface Stuck {
  readonly socket: Socket;
  readonly took: number;
  readonly waiting: number;
}

function eachTime(ms: number, sockets: ReadonlySet<Socket>, act: (stuck: readonly Stuck[]) => void) {
  let before = new Map<Socket, Look>();
  const look = () => {
    const now = new Map([...sockets].map((socket) => [socket, lookAt(socket)] as const));
    const stuck = [...now].flatMap(([socket, { taken, waiting }]) => {
      const last = before.get(socket);
      return waiting > 0 && last !== undefined && last.waiting > 0
        ? [{ socket, waiting, took: taken - last.taken }]
        : [];
    });
    before = now;
    act(stuck);
  };
  const timer = setInterval(look, ms).unref();
  return () => clearInterval(timer);
}

/** A write counts as taken when all of it is; streams write pieces of some hundred kibibytes at most. */
function lookAt(socket: Socket): Look {
  const waiting = socket.writableLength;
  return { taken: socket.bytesWritten - waiting, waiting };
}
