// Opens the HTTP or HTTPS port, with timeouts and an orderly close.

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type ConnectionLimits, limitConnections, usualConnections } from './connection-limits.js';
import {
  answerBadTarget,
  findBrokenUpgrade,
  hasTwoHosts,
  refuseBrokenRequest,
  refuseExpectation,
  refuseTwoHosts,
  secureAnswer,
} from './server-refusals.js';
import { cutSlowReaders, type ReadingRules } from './slow-readers.js';
import { readTls, reloadTls, type TlsFiles, unusable } from './tls.js';
import { upgradableRequests } from './upgrade.js';
import { type WebSocketOptions, WebSockets } from './websocket-server.js';

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** How often the files of the certificate are looked at; a minute unless given. */
  readonly tlsReloadMs?: number;
  /** Told when a changed certificate cannot be used. */
  readonly onBadCertificate?: (message: string) => void;
  /** How long a client may go on sending after it was refused before its connection is closed; 30 s unless given. */
  readonly lingerMs?: number;
  /** When answers that wait for their clients cost a connection; a test makes the times shorter. */
  readonly reading: ReadingRules;
  /** How many connections may be open; by the files that the system allows unless given. */
  readonly connections?: ConnectionLimits;
  /** Told, now and then, when there are as many. */
  readonly onFull?: (reason: string) => void;
  /** Undefined: none, and a request for one is answered as if it did not ask for one. */
  readonly webSockets?: WebSocketOptions;
}

export interface Listening {
  readonly port: number;
  /** With scheme and port, as a client would write it. */
  readonly address: string;
  /**
   * Accepts no new connections, lets requests under way end, tells WebSockets to end, and cuts what has not ended after
   * `graceMs`. May be called again.
   */
  close(graceMs?: number): Promise<void>;
}

export interface FetchApp {
  /** `bindings` are Node's own request and response. */
  readonly fetch: (request: Request, bindings?: object) => Response | Promise<Response>;
}

/**
 * A slow header or body can hold a connection only this long. An idle connection is kept for more than the minute after
 * which load balancers close it; otherwise they would send requests on a connection that is just being closed.
 */
const timeouts = {
  headersTimeout: 20_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
};

/** Opens the port. Throws `BrokenError` when it is taken or the certificate cannot be read. */
export async function listen(app: FetchApp, options: ListenOptions): Promise<Listening> {
  const server = await createHttpServer(app, options);
  const { connections = await usualConnections(), onFull = () => undefined } = options;
  limitConnections(server, connections, onFull);
  const sockets = trackSockets(server);
  cutSlowReaders(server, options.reading);
  server.on('clientError', refuseBrokenRequest);
  server.on('checkExpectation', (_, outgoing) => refuseExpectation(outgoing, options.tls !== undefined));
  const webSockets = takeWebSockets(server, app, options);
  await open(server, options);
  const { port } = server.address() as AddressInfo; // Not a string: it listens on a port, not on a pipe.
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  let closing: Promise<void> | undefined;
  return {
    port,
    address: `${options.tls ? 'https' : 'http'}://${host}:${port}`,
    close: (graceMs = 10_000) => {
      closing ??= close({ server, sockets, webSockets }, graceMs);
      return closing;
    },
  };
}

async function createHttpServer(app: FetchApp, options: ListenOptions): Promise<Server> {
  const { tls, lingerMs = 30_000, webSockets } = options;
  const listener = dropUnread(
    { lingerMs, isSecure: tls !== undefined },
    getRequestListener((request, bindings) => app.fetch(request, bindings), {
      errorHandler: answerBadTarget,
      autoCleanupIncoming: false, // It would close the connection half a second after the answer.
    }),
  );
  const requests = webSockets && { IncomingMessage: upgradableRequests(webSockets.isPath) };
  if (tls === undefined) return createServer({ ...timeouts, ...requests }, listener);
  const context = await readTls(tls);
  const clients = { requestCert: tls.clientCaPath !== undefined, rejectUnauthorized: true };
  const server = createTlsServer(
    { ...timeouts, ...requests, ...context, ...clients, handshakeTimeout: 20_000 },
    listener,
  );
  const { tlsReloadMs: everyMs = 60_000, onBadCertificate: onFailure = () => undefined } = options;
  reloadTls(server, tls, { inUse: context, everyMs, onFailure });
  return server;
}

function takeWebSockets(
  server: Server,
  app: FetchApp,
  { webSockets }: ListenOptions,
): WebSockets | undefined {
  if (webSockets === undefined) return undefined;
  const taken = new WebSockets((request, bindings) => app.fetch(request, bindings), webSockets);
  server.on('upgrade', (request, socket, head) => {
    const broken = findBrokenUpgrade(request);
    if (broken === undefined) taken.take(request, socket, head);
    else refuseBrokenRequest(broken, socket);
  });
  return taken;
}

const mostDroppedBytes = 64 * 1024 * 1024;

/**
 * Reads and drops what a client still sends after a request was refused early: many clients read the answer only when
 * they have sent all, and would see a broken pipe. Bounded in bytes and in time.
 */
function dropUnread(
  { lingerMs, isSecure }: { lingerMs: number; isSecure: boolean },
  listener: RequestListener,
): RequestListener {
  return (incoming, outgoing) => {
    secureAnswer(outgoing, isSecure);
    if (hasTwoHosts(incoming)) return refuseTwoHosts(outgoing);
    outgoing.once('finish', () => {
      if (!incoming.complete) dropRest(incoming, lingerMs);
    });
    return listener(incoming, outgoing);
  };
}

function dropRest(incoming: IncomingMessage, lingerMs: number): void {
  const { socket } = incoming;
  const timer = setTimeout(() => socket.destroySoon(), lingerMs);
  const done = () => clearTimeout(timer);
  incoming.once('end', done);
  socket.once('close', done);
  if (incoming.readableDidRead) return; // Whoever began to read it goes on.
  let dropped = 0;
  incoming.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > mostDroppedBytes) socket.destroySoon();
  });
}

async function open(server: Server, { host, port }: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(unusable(`Could not listen on ${host}, port ${port}`, error)));
    server.listen({ host, port }, resolve);
  });
}

/** Every connection, even before its first request or during a TLS handshake: Node's own list leaves those out. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

interface Open {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
  readonly webSockets: WebSockets | undefined;
}

/** Node closes only connections that are idle now, so it is repeated: others become idle when their request ends. */
async function close({ server, sockets, webSockets }: Open, graceMs: number): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await Promise.all([closed, webSockets?.close(graceMs)]);
  clearInterval(sweep);
  clearTimeout(cut);
}
