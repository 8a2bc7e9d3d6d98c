// Sends single HTTP requests to Vault with limits on time and size, and says whether they were sent.

import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { inTurns } from '../../job/payload/steps.js';
import { parseInSteps } from './exact-json.js';
import { GrowingBytes } from './growing-bytes.js';
import { readJson, writeJson } from './long-json.js';
import { VaultClock } from './vault-clock.js';

/** Where Vault is and how to connect to it. */
export interface VaultAddress {
  /** `http://` or `https://`, without credentials and without a slash at its end. */
  readonly address: string;
  readonly namespace?: string | undefined;
  /** The certificate authorities to trust instead of the system's. */
  readonly caPem?: string | undefined;
  /** Accept any certificate: for experiments only. */
  readonly skipVerify: boolean;
  /** Longest time from the request to the last byte of the answer. */
  readonly timeoutMs: number;
}

/** One request as node-vault passes it on, with the limits that we added. */
export interface TransportRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly limitBytes: number;
  readonly timeoutMs: number;
  /** Long texts of the answer are wanted as bytes. */
  readonly longAsBytes?: boolean;
}

/** One answer in the form that node-vault expects. */
export interface TransportReply {
  readonly statusCode: number;
  readonly body: unknown;
  /** Always empty: node-vault treats every path with `sys/health` in it as a health check and ignores its status. */
  readonly request: { readonly path: '' };
}

export type TransportFailure = 'unreachable' | 'timeout' | 'cut' | 'too_large' | 'not_json';

/** No usable answer. It holds nothing that was sent or received, and no text of a library. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly kind: TransportFailure;
  /** False only when it is certain that Vault never got the request. */
  readonly sent: boolean;
  /** The system's code, such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(kind: TransportFailure, facts: { sent: boolean; code?: string | undefined }) {
    super(`No answer from Vault: ${kind}.`);
    this.kind = kind;
    this.sent = facts.sent;
    this.code = facts.code;
  }
}

export interface Transport extends Disposable {
  readonly clock: VaultClock;
  send(request: TransportRequest): Promise<TransportReply>;
}

/** Idle connections are closed before Vault or a load balancer closes them, so that no request gets a dead one. */
const idleMs = 15_000;
const mostConnections = 128;

/**
 * Sends HTTP requests to one Vault over kept-alive connections. It uses no proxy, follows no redirect, and stops
 * reading at a limit. It replaces node-vault's own transport, which passes none of these options on to axios.
 */
export function createTransport(address: VaultAddress): Transport {
  const agent = createAgent(address);
  const isTls = address.address.startsWith('https:');
  const clock = new VaultClock();
  const open = (uri: string, options: RequestOptions) =>
    isTls ? requestTls(uri, options) : request(uri, options);
  return {
    clock,
    send: (asked) =>
      new Promise((resolve, reject) => exchange({ asked, agent, open, isTls, clock }, resolve, reject)),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function createAgent(address: VaultAddress): Agent {
  const kept = { keepAlive: true, timeout: idleMs, maxSockets: mostConnections, scheduling: 'lifo' as const };
  if (!address.address.startsWith('https:')) return new Agent(kept);
  const ca = address.caPem === undefined ? {} : { ca: address.caPem };
  return new TlsAgent({ ...kept, ...ca, rejectUnauthorized: !address.skipVerify });
}

interface Exchange {
  readonly asked: TransportRequest;
  readonly agent: Agent;
  readonly open: (uri: string, options: RequestOptions) => ClientRequest;
  readonly isTls: boolean;
  readonly clock: VaultClock;
}

/** `resolve` and `reject` may be called more than once: a promise takes the first call only. */
function exchange(
  { asked, agent, open, isTls, clock }: Exchange,
  resolve: (reply: TransportReply) => void,
  reject: (error: TransportError) => void,
): void {
  const body = asked.json === undefined ? undefined : writeJson(asked.json);
  const headers = { ...asked.headers, ...headersOf(body) };
  const askedAt = performance.now();
  const outgoing = open(asked.uri, { method: asked.method, headers, agent });
  const wasSent = watchSent(outgoing, isTls);
  const fail = (kind: TransportFailure, code?: string) => {
    reject(new TransportError(kind, { sent: wasSent(), code }));
    outgoing.destroy();
  };
  const timer = setTimeout(() => fail('timeout'), asked.timeoutMs);
  outgoing.once('close', () => clearTimeout(timer));
  outgoing.on('error', (error) => fail(wasSent() ? 'cut' : 'unreachable', codeOf(error)));
  outgoing.once('response', (response) => {
    clock.observe(response.headers.date, askedAt);
    const { limitBytes, longAsBytes = false } = asked;
    collect(response, limitBytes, fail, async (bytes) =>
      settle(response, await parse(bytes, longAsBytes), { resolve, fail }),
    );
  });
  outgoing.cork(); // In as few packets as it fits.
  for (const part of body ?? []) outgoing.write(part);
  outgoing.end();
}

function headersOf(body: readonly Uint8Array[] | undefined): Record<string, string> {
  const accept = { Accept: 'application/json', 'X-Vault-Request': 'true' };
  if (body === undefined) return accept;
  return {
    ...accept,
    'Content-Type': 'application/json',
    'Content-Length': String(body.reduce((sum, part) => sum + part.length, 0)),
  };
}

/** A request counts as sent once it has an open connection; a kept-alive connection is open from the start. */
function watchSent(outgoing: ClientRequest, isTls: boolean): () => boolean {
  let sent = false;
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) sent = true;
    else
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        sent = true;
      });
  });
  return () => sent;
}

type Fail = (kind: TransportFailure, code?: string) => void;

function collect(
  response: IncomingMessage,
  limitBytes: number,
  fail: Fail,
  done: (bytes: Buffer) => Promise<void>,
): void {
  const body = new GrowingBytes(limitBytes);
  response.on('data', (piece: Buffer) => {
    if (!body.add(piece)) fail('too_large');
  });
  response.once('error', (error) => fail('cut', codeOf(error)));
  response.once('end', () => void done(body.bytes()));
  response.once('close', () => {
    if (!response.readableEnded) fail('cut');
  });
}

/** An error answer may have a body that is not JSON: a load balancer sends a page. A good answer must be JSON. */
function settle(
  response: IncomingMessage,
  body: unknown,
  { resolve, fail }: { resolve: (reply: TransportReply) => void; fail: Fail },
): void {
  const statusCode = response.statusCode ?? 0;
  if (body === notJson && statusCode < 300) fail('not_json');
  else resolve({ statusCode, body: body === notJson ? undefined : body, request: { path: '' } });
}

const notJson = Symbol('not JSON');

/** A long one in turns with the work of others. */
async function parse(bytes: Buffer, longAsBytes: boolean): Promise<unknown> {
  try {
    if (bytes.length === 0) return undefined;
    return await inTurns(longAsBytes ? readJson(bytes) : parseInSteps(bytes.toString('utf8')));
  } catch {
    return notJson; // The parser's text quotes the reply, so it goes no further.
  }
}

/** Only codes in the form of system codes are kept, never a text from outside. */
function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,59}$/.test(code) ? code : undefined;
}
