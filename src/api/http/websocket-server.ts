// Takes WebSocket upgrades into the app, notices clients that are gone, and ends all connections.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createAdaptorServer, type WebSocketServerLike } from '@hono/node-server';
import { type WebSocket, WebSocketServer } from 'ws';
import { RefusedError } from '../../job/errors.js';
import type { ApiLog } from '../parts.js';
import { refuseBrokenRequest, secureHeaders } from './server-refusals.js';
import type { IsWebSocketPath } from './upgrade.js';
import { type Holder, type Place, type PlaceLimits, WebSocketPlaces } from './websocket-places.js';

export interface WebSocketOptions {
  /** A request for a WebSocket on another path is answered as if it did not ask for one. */
  readonly isPath: IsWebSocketPath;
  readonly log: ApiLog;
  /** Open connections at a time. */
  readonly places?: Partial<PlaceLimits>;
  /** After this time a client is asked for a sign of life, which must come within the same time; 30 s unless given. */
  readonly pingMs?: number;
  /** A client that takes nothing for so long is cut; 30 s unless given. */
  readonly stallMs?: number;
}

/** What the bindings of a request have when it is an upgrade. */
export interface UpgradeBindings {
  readonly webSockets?: WebSockets;
  readonly incoming: IncomingMessage;
}

type Fetch = (request: Request, bindings: object) => Response | Promise<Response>;

const mostMessageBytes = 1024 * 1024;

/** The WebSockets of one server. */
export class WebSockets {
  readonly log: ApiLog;
  readonly stallMs: number;
  readonly #places: WebSocketPlaces;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: mostMessageBytes,
    perMessageDeflate: false, // It costs much memory for each connection, and lets a small message become a large one.
  });
  /** Never listens: only its way from an upgrade to the app is used. It refuses only while that is its only listener. */
  readonly #gate: ReturnType<typeof createAdaptorServer>;
  readonly #accepted = new WeakSet<Duplex>();
  /** The sessions that have not settled, and what ends them. */
  readonly #sessions = new Map<Promise<void>, () => void>();
  #isClosing = false;

  constructor(fetch: Fetch, { log, places, pingMs = 30_000, stallMs = 30_000 }: WebSocketOptions) {
    this.log = log;
    this.stallMs = stallMs;
    this.#places = new WebSocketPlaces(places);
    this.#gate = createAdaptorServer({
      // The same object: the upgrade finds again what the app leaves in it.
      fetch: async (request, bindings) => {
        const response = await fetch(request, Object.assign(bindings, { webSockets: this }));
        secureHeaders(response.headers);
        return response;
      },
      websocket: { server: this.#server as WebSocketServerLike }, // Its types know no option that is undefined.
    });
    this.#server.on('wsClientError', (_, socket) => {
      refuseBrokenRequest(Object.assign(new Error('bad handshake'), { code: 'STINT_BAD_HANDSHAKE' }), socket);
    });
    this.#server.on('connection', (webSocket, { socket }) => {
      this.#accepted.add(socket);
      watch(webSocket, socket, pingMs);
    });
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Answers an upgrade: with what the app says, or with a WebSocket. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.once('finish', () => {
      // A refused client could keep its half of the connection open for ever.
      if (!this.#accepted.has(socket)) socket.destroy();
    });
    this.#gate.emit('upgrade', request, socket, head);
  }

  /** The place is left when the connection ends, whatever becomes of its upgrade. Throws `RefusedError` where there is none. */
  takePlace(socket: Duplex, holder: Holder): Place {
    if (this.#isClosing) throw new RefusedError('draining', 'The server is shutting down: connect again.');
    const place = this.#places.take(holder);
    if (socket.closed) place.leave();
    else socket.once('close', () => place.leave());
    return place;
  }

  /** Remembers a session until it settles; it never rejects. */
  hold(session: Promise<void>, end: () => void): void {
    this.#sessions.set(session, end);
    void session.then(() => this.#sessions.delete(session));
  }

  /** Tells all clients that the server goes away, and waits for the sessions, but not longer than `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const end of this.#sessions.values()) end();
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#sessions.keys()), over]);
    clearTimeout(timer);
  }
}

/**
 * Cuts a client that sent nothing since it was pinged: it would have answered. Nothing is heard of one that is not read
 * from; then the ping only finds out whether its machine still takes it.
 */
function watch(webSocket: WebSocket, socket: IncomingMessage['socket'], pingMs: number): void {
  let heard: number | undefined;
  const ping = () => {
    if (!webSocket.isPaused && socket.bytesRead === heard) return webSocket.terminate();
    heard = webSocket.isPaused ? undefined : socket.bytesRead;
    webSocket.ping();
  };
  // Not at once: after the process was halted for a while, what has arrived meanwhile is read first.
  const timer = setInterval(() => setImmediate(ping), pingMs);
  webSocket.once('close', () => clearInterval(timer));
}
