// Answers HTTP that is too malformed to reach the app.

import { STATUS_CODES } from 'node:http';
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

/** Answers by the code of Node's parser error; any other code means that it is not HTTP. */
const parserRefusals: Readonly<Partial<Record<string, { status: number; error: string }>>> = {
  HPE_HEADER_OVERFLOW: { status: 431, error: 'Expected headers of at most 16 KiB, got more.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: 'Expected small chunk extensions, got large ones.' },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    error: 'Expected the request to arrive in time, got only a part of it.',
  },
};
const noHttp = { status: 400, error: 'Expected a request of HTTP 1.1, got something else.' };

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
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
