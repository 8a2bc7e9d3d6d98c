// Turns a connection to Postgres into one with TLS, as the driver would; `sockets.ts` says why it does not.
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';

export interface TlsRequest {
  readonly mode: string;
  readonly host: string;
  /** TLS from the first byte, without asking (`sslnegotiation=direct`). */
  readonly isDirect: boolean;
}

const handshakeMs = 5_000;
/** Asks a server for TLS: length and code of the message. It answers `S` or `N`. */
const tlsRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
/** Modes in which any certificate will do. */
const unverified: readonly string[] = ['require', 'allow', 'prefer'];

/** What the URL says in the driver's way; undefined: no TLS. */
export function tlsMode(url: string): string | undefined {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  if (query.get('sslrootcert') === 'system') return 'verify-full';
  const mode = query.get('sslmode') ?? query.get('ssl') ?? process.env.PGSSL ?? '';
  return ['', 'disable', 'false'].includes(mode) ? undefined : mode;
}

/** Closes the connection when it rejects. */
export async function startTls(raw: Socket, request: TlsRequest): Promise<Socket> {
  const signal = AbortSignal.timeout(handshakeMs);
  raw.on('error', () => undefined); // The one who waits hears it.
  try {
    if (request.isDirect || (await offersTls(raw, signal))) return await handshake(raw, request, signal);
    if (request.mode === 'prefer') return raw;
    throw Object.assign(new Error('The server offers no TLS.'), { code: 'TLS_NOT_OFFERED' });
  } catch (error) {
    raw.destroy();
    throw signal.aborted ? Object.assign(new Error('No TLS in time.'), { code: 'CONNECT_TIMEOUT' }) : error;
  }
}

async function offersTls(raw: Socket, signal: AbortSignal): Promise<boolean> {
  raw.write(tlsRequest);
  const closed = once(raw, 'close', { signal }).then(() => {
    throw Object.assign(new Error('Closed.'), { code: 'CONNECTION_CLOSED' });
  });
  const [answer] = (await Promise.race([once(raw, 'data', { signal }), closed])) as [Buffer];
  // More than one byte was sent by somebody in between, to be taken for a part of the encrypted answer.
  if (answer.length !== 1)
    throw Object.assign(new Error('More than an answer.'), { code: 'TLS_NOT_OFFERED' });
  return answer[0] === 'S'.charCodeAt(0);
}

async function handshake(raw: Socket, { mode, host, isDirect }: TlsRequest, signal: AbortSignal) {
  const socket = connect({
    socket: raw,
    rejectUnauthorized: !unverified.includes(mode),
    ...(isIP(host) === 0 && { servername: host }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
  });
  await once(socket, 'secureConnect', { signal });
  return socket;
}
