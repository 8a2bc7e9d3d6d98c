// Accepts the HTTP method LIST, which Node rejects and the Vault command line uses.

import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Sent } from '../http/ask.js';
import { type Answer, bodyText } from '../http/frame.js';

/**
 * Vault has its own HTTP method, LIST, which Node's parser refuses. The parser's error has the packet that it could not
 * read. A LIST request has no body and fits into one packet, so it is parsed here, and the connection is then closed.
 */
export function answerListMethod(
  server: Server,
  carryOut: (sent: Sent) => Promise<Answer | undefined>,
): void {
  server.on('clientError', async (error: Error & { rawPacket?: Buffer }, socket) => {
    const sent = readHead(error.rawPacket?.toString('latin1') ?? '');
    const answer = sent && (await carryOut(sent));
    if (answer === undefined) socket.destroy();
    else write(socket, answer);
  });
}

function readHead(packet: string): Sent | undefined {
  const [head = '', rest] = packet.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const url = /^[A-Z]+ (\/\S*) HTTP\/1\.1$/.exec(first)?.[1];
  if (url === undefined || rest === undefined) return undefined;
  const headers = lines
    .map((line) => line.split(/:\s*(.*)/s))
    .map(([name = '', value = '']) => [name.toLowerCase(), value]);
  return {
    method: first.split(' ')[0] ?? '',
    url,
    headers: Object.fromEntries(headers),
    bytes: Buffer.alloc(0),
  };
}

function write(socket: Duplex, answer: Answer): void {
  const body = bodyText(answer);
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
