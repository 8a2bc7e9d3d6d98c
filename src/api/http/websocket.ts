// What a door sees of a WebSocket: a peer that sends, takes and ends.

import { on } from 'node:events';
import { upgradeWebSocket } from '@hono/node-server';
import type { WebSocket } from 'ws';
import { BrokenError, RefusedError } from '../../job/errors.js';
import type { ApiLog } from '../parts.js';
import type { ApiContext } from '../request/env.js';
import { sourceOf } from './address.js';
import { patternOf } from './observe.js';
import type { UpgradeBindings, WebSockets } from './websocket-server.js';

export interface Message {
  readonly data: Uint8Array;
  readonly isBinary: boolean;
}

/** The client of one WebSocket. */
export interface Peer {
  /**
   * What the client sends, in order; may be read once. While a few messages wait, no more are taken from the client: a
   * session should always read. Ends when the connection does.
   */
  readonly messages: AsyncIterable<Message>;
  /**
   * Resolves when the system has taken it: who awaits it is as slow as the client. Bytes must not be changed until then.
   * After the end it does nothing. A client that takes no message for 30 s is cut.
   */
  send(message: string | Uint8Array): Promise<void>;
  /** Aborted when the connection has ended, by either side, or the server closes. */
  readonly signal: AbortSignal;
  /** What the connection counts for until somebody is known to call. */
  readonly source: string;
  /** The connection counts as this caller's from now on. Throws `RefusedError` where the caller has too many. */
  readonly isOf: (caller: string) => void;
}

export type Session = (peer: Peer) => Promise<void>;

/** Close codes of RFC 6455. */
const closed = { done: 1000, serverCloses: 1001, failed: 1011 } as const;

/**
 * Handles a GET whose path the server takes WebSockets on; what middleware refuses before is refused. The connection is
 * closed when `session` settles, and an error of it is logged. `caller` is the key of who is known to call. Throws
 * `RefusedError` where the request asks for no WebSocket, or there are too many.
 */
export async function openWebSocket(c: ApiContext, session: Session, caller?: string): Promise<Response> {
  const { webSockets, incoming } = c.env as UpgradeBindings;
  if (webSockets === undefined) throw upgradeRequired(c);
  const source = sourceOf(c);
  const place = webSockets.takePlace(
    incoming.socket,
    caller === undefined ? { address: source } : { caller },
  );
  const whose = { source, isOf: place.passTo };
  const facts = { requestId: c.get('requestId'), path: patternOf(c) };
  const response = await upgradeWebSocket(c, {
    onOpen: (_, { raw }) => {
      if (raw !== undefined) start(raw as WebSocket, session, { webSockets, facts, whose });
    },
  });
  c.set('isUpgraded', true);
  return response;
}

function upgradeRequired(c: ApiContext): RefusedError {
  c.header('upgrade', 'websocket');
  c.header('connection', 'upgrade');
  return new RefusedError('upgrade_required', 'Expected a request for a WebSocket, got an ordinary one.');
}

type Facts = Readonly<Record<string, unknown>>;

interface Opening {
  readonly webSockets: WebSockets;
  readonly facts: Facts;
  readonly whose: Pick<Peer, 'source' | 'isOf'>;
}

function start(webSocket: WebSocket, session: Session, { webSockets, facts, whose }: Opening): void {
  const ending = new AbortController();
  for (const event of ['error', 'close']) webSocket.once(event, () => ending.abort());
  const end = () => {
    close(webSocket, closed.serverCloses);
    ending.abort();
  };
  if (webSockets.isClosing) {
    end();
    return;
  }
  const { stallMs, log } = webSockets;
  // At once, not when they are first asked for: a message might have come before.
  const events = on(webSocket, 'message', { close: ['close'], highWaterMark: 4 });
  const { signal } = ending;
  const peer: Peer = { messages: read(events), send: senderTo(webSocket, ending, stallMs), signal, ...whose };
  const converse = async () => {
    const { error, ms } = await settle(peer, session);
    await events.return?.(); // Whoever does not read any more must not hold up what comes behind.
    close(webSocket, error === undefined ? closed.done : closed.failed);
    report(log, error === signal.reason ? undefined : error, { ...facts, ms });
  };
  webSockets.hold(converse(), end);
}

async function settle(
  peer: Peer,
  session: Session,
): Promise<{ readonly error?: unknown; readonly ms: number }> {
  const began = performance.now();
  const passed = () => Math.round(performance.now() - began);
  try {
    await session(peer);
    return { ms: passed() };
  } catch (error) {
    return { error, ms: passed() };
  }
}

/** The client's answer is behind whatever else it sent. */
function close(webSocket: WebSocket, code: number): void {
  webSocket.close(code);
  webSocket.resume();
}

async function* read(events: AsyncIterable<unknown[]>): AsyncGenerator<Message> {
  try {
    for await (const [data, isBinary] of events as AsyncIterable<[Uint8Array, boolean]>)
      yield { data, isBinary };
  } catch {
    // The connection broke, or the client broke the protocol: an end like any other.
  }
}

/** Sends, and cuts the client when nothing of what waits was taken for `stallMs`. */
function senderTo(webSocket: WebSocket, ending: AbortController, stallMs: number): Peer['send'] {
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  return (message) =>
    new Promise((resolve) => {
      waiting += 1;
      if (waiting === 1) timer = setTimeout(() => webSocket.terminate(), stallMs);
      webSocket.send(message, (error) => {
        // Not only when the socket closes: a session that sends in a loop would leave no time for that.
        if (error) ending.abort();
        waiting -= 1;
        if (waiting === 0) clearTimeout(timer);
        else timer?.refresh();
        resolve();
      });
    });
}

/** As of a request: the code of a refusal, the whole error of a failure. */
function report(log: ApiLog, error: unknown, facts: Facts): void {
  if (error === undefined) log.info('A WebSocket ended.', facts);
  else if (error instanceof RefusedError)
    log.info('A WebSocket was ended by a refusal.', { ...facts, refusal: error.code });
  else if (error instanceof BrokenError) log.warn('A WebSocket was ended by a failure.', { ...facts, error });
  else log.error('A WebSocket was ended by a bug.', { ...facts, error });
}
