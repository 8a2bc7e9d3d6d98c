import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { parseJson } from './exact-json.js';
import { VaultClock } from './vault-clock.js';

/** Where Vault is and how it is spoken to. */
export interface VaultAddress {
  /** `http://` or `https://`, without credentials and without a slash at its end. */
  readonly address: string;
  readonly namespace?: string | undefined;
  /** The authorities that may have signed Vault's certificate, in place of the system's. */
  readonly caPem?: string | undefined;
  /** Accept any certificate: for trials only. */
  readonly skipVerify: boolean;
  /** Longest time from asking to the last byte of the answer. */
  readonly timeoutMs: number;
}

/** One request as node-vault hands it over, with what we added to it. */
export interface TransportRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly limitBytes: number;
  readonly timeoutMs: number;
}

/** One answer in the form that node-vault expects. */
export interface TransportReply {
  readonly statusCode: number;
  readonly body: unknown;
  /** Always empty: node-vault takes every path that holds `sys/health` for a health check and forgives its status. */
  readonly request: { readonly path: '' };
}

export type TransportFailure = 'unreachable' | 'timeout' | 'cut' | 'too_large' | 'not_json';

/** No usable answer. Holds nothing of what was sent or received, and no text of a library. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly trouble: TransportFailure;
  /** False only when it is certain that Vault never got the request. */
  readonly sent: boolean;
  /** The system's code, such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(trouble: TransportFailure, facts: { sent: boolean; code?: string | undefined }) {
    super(`No answer from Vault: ${trouble}.`);
    this.trouble = trouble;
    this.sent = facts.sent;
    this.code = facts.code;
  }
}

export interface Transport extends Disposable {
  readonly clock: VaultClock;
  send(request: TransportRequest): Promise<TransportReply>;
}

/** Free connections are closed before Vault or a load balancer closes them, so that no request meets a dead one. */
const idleMs = 15_000;
const mostConnections = 128;

/**
 * Speaks HTTP to one Vault, over connections that are kept. It knows no proxies, follows no redirect, and stops
 * reading at a limit. It takes the place of node-vault's own transport, which passes none of these options on to axios.
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

/** `reject` may be called again after either has been called: a promise takes the first only. */
function exchange(
  { asked, agent, open, isTls, clock }: Exchange,
  resolve: (reply: TransportReply) => void,
  reject: (error: TransportError) => void,
): void {
  const body = asked.json === undefined ? undefined : Buffer.from(JSON.stringify(asked.json));
  const headers = { ...asked.headers, ...headersOf(body) };
  const askedAt = performance.now();
  const going = open(asked.uri, { method: asked.method, headers, agent });
  const wasSent = watchSent(going, isTls);
  const fail = (trouble: TransportFailure, code?: string) => {
    reject(new TransportError(trouble, { sent: wasSent(), code }));
    going.destroy();
  };
  const timer = setTimeout(() => fail('timeout'), asked.timeoutMs);
  going.once('close', () => clearTimeout(timer));
  going.on('error', (error) => fail(wasSent() ? 'cut' : 'unreachable', codeOf(error)));
  going.once('response', (response) => {
    clock.see(response.headers.date, askedAt);
    collect(response, asked.limitBytes, fail, (text) => settle(response, text, { resolve, fail }));
  });
  going.end(body);
}

function headersOf(body: Buffer | undefined): Record<string, string> {
  const accept = { Accept: 'application/json', 'X-Vault-Request': 'true' };
  if (body === undefined) return accept;
  return { ...accept, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
}

/** A request is taken for sent as soon as there is a connection that could carry it: kept ones have it at once. */
function watchSent(going: ClientRequest, isTls: boolean): () => boolean {
  let sent = false;
  going.once('socket', (socket) => {
    if (!socket.connecting) sent = true;
    else
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        sent = true;
      });
  });
  return () => sent;
}

type Fail = (trouble: TransportFailure, code?: string) => void;

function collect(
  response: IncomingMessage,
  limitBytes: number,
  fail: Fail,
  done: (text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limitBytes) fail('too_large');
    else chunks.push(chunk);
  });
  response.once('error', (error) => fail('cut', codeOf(error)));
  response.once('end', () => done(Buffer.concat(chunks).toString('utf8')));
  response.once('close', () => fail('cut')); // Always last: by then a whole answer has been settled.
}

/** What an error answer says besides its status may be missing: a load balancer sends a page. A good answer is JSON. */
function settle(
  response: IncomingMessage,
  text: string,
  { resolve, fail }: { resolve: (reply: TransportReply) => void; fail: Fail },
): void {
  const statusCode = response.statusCode ?? 0;
  const body = parse(text);
  if (body === broken && statusCode < 300) fail('not_json');
  else resolve({ statusCode, body: body === broken ? undefined : body, request: { path: '' } });
}

const broken = Symbol('not JSON');

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : parseJson(text);
  } catch {
    return broken; // The parser's text quotes the reply, so it goes no further.
  }
}

/** Only codes of the system's own kind are kept: no text that somebody else wrote. */
function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,59}$/.test(code) ? code : undefined;
}
