// Answers HTTP that is too malformed to reach the app.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '@hono/node-server';

const json = 'application/json; charset=utf-8';
const badTarget = 'Expected a request target and a Host header that make an address, got something else.';

/** Answers input that is not a valid request, in GoStint's format: it reached no door. */
export function answerBadTarget(error: unknown): Response {
  if (error instanceof RequestError) return answer(400, 'Invalid request.', badTarget);
  return answer(500, 'Internal Error.', 'stint met an error of its own.');
}

function answer(status: number, text: string, error: string): Response {
  return new Response(bodyOf(text, error), { status, headers: { 'content-type': json } });
}

function bodyOf(status: string, error: string): string {
  return JSON.stringify({ status, error });
}

/** Whoever stands between may go by the other one. */
const twoHosts = Object.assign(new Error('two hosts'), { code: 'STINT_TWO_HOSTS' });
const noAddress = Object.assign(new Error('no address'), { code: 'STINT_NO_ADDRESS' });
const onlyOneHost = 'Expected one Host header, got several.';

/** Answers by the code of Node's parser error; any other code means that it is not HTTP. */
const parserRefusals: Readonly<Partial<Record<string, { status: number; error: string }>>> = {
  HPE_HEADER_OVERFLOW: { status: 431, error: 'Expected headers of at most 16 KiB, got more.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: 'Expected small chunk extensions, got large ones.' },
  STINT_TWO_HOSTS: { status: 400, error: onlyOneHost },
  STINT_NO_ADDRESS: { status: 400, error: badTarget },
  STINT_BAD_HANDSHAKE: { status: 400, error: 'Expected a handshake of WebSocket 13, got another one.' },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    error: 'Expected the request to arrive in time, got only a part of it.',
  },
};
const noHttp = { status: 400, error: 'Expected a request of HTTP 1.1, got something else.' };

/** What is wrong with a request for a WebSocket before any app sees it; undefined: nothing. */
export function findBrokenUpgrade(request: IncomingMessage): NodeJS.ErrnoException | undefined {
  if (hasTwoHosts(request)) return twoHosts;
  const { host = '' } = request.headers;
  return hostShape.test(host) && URL.canParse(`http://${host}`) ? undefined : noAddress;
}

const hostShape = /^[^/?#@\\]+$/;

/** Answers why a request cannot be read, and closes the connection: what follows on it would be ambiguous. */
export function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = parserRefusals[error.code ?? ''] ?? noHttp;
  const body = bodyOf('Invalid request.', refusal.error);
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    `Content-Type: ${json}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(always).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** In every answer, whoever makes it: nothing of ours is a page, and nothing is to be framed or guessed. */
const always: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};
/** Browsers then never come back without TLS. */
const strictTransport = 'max-age=31536000';

/** Sets the headers before the app does: its own replace them. */
export function secureAnswer(outgoing: ServerResponse, isSecure: boolean): void {
  for (const [name, value] of Object.entries(always)) outgoing.setHeader(name, value);
  if (isSecure) outgoing.setHeader('Strict-Transport-Security', strictTransport);
}

/** The same for an answer that the app made and that does not go through `secureAnswer`. */
export function secureHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(always)) headers.set(name, value);
}

/** Node would answer it bare. */
export function refuseExpectation(outgoing: ServerResponse, isSecure: boolean): void {
  secureAnswer(outgoing, isSecure);
  const headers = { 'content-type': json, connection: 'close' };
  outgoing
    .writeHead(417, headers)
    .end(bodyOf('Invalid request.', 'Expected `Expect: 100-continue` or none.'));
}

/** Node keeps the first of them and says nothing. */
export function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1;
}

export function refuseTwoHosts(outgoing: ServerResponse): void {
  const headers = { 'content-type': json, connection: 'close' };
  outgoing.writeHead(400, headers).end(bodyOf('Invalid request.', onlyOneHost));
}
