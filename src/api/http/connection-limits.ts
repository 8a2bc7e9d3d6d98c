// Bounds how many connections are open, so that files are left for jobs and for stint's own connections.
import { readFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { sourceOfAddress } from './address.js';

export interface ConnectionLimits {
  readonly inAll: number;
  readonly ofAddress: number;
}

/** Each holds some kilobytes. */
const most = 10_000;
/** What systems allow that say nothing. */
const fewestFiles = 1024;

/** Half of the files that this process may have open, and a single address half of that: it may be a proxy's. */
export async function usualConnections(path = '/proc/self/limits'): Promise<ConnectionLimits> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [, files = fewestFiles] = /^Max open files +(\d+)/m.exec(text) ?? [];
  const inAll = Math.min(most, Math.floor(Number(files) / 2));
  return { inAll, ofAddress: Math.ceil(inAll / 2) };
}

const tellEveryMs = 60_000;

/** What comes beyond them is closed unanswered. `onFull` is told why, at most once a minute. */
export function limitConnections(
  server: Server,
  { inAll, ofAddress }: ConnectionLimits,
  onFull: (reason: string) => void,
): void {
  const open = new Map<string, number>();
  const tell = atMostEvery(tellEveryMs, onFull);
  server.maxConnections = inAll;
  server.on('drop', () => tell(`as many as there may be are open: ${inAll}`));
  server.on('connection', (socket: Socket) => {
    const source = sourceOfAddress(socket.remoteAddress);
    const count = open.get(source) ?? 0;
    if (count >= ofAddress) {
      socket.destroy();
      tell(`one address has as many as it may have: ${ofAddress}`);
      return;
    }
    open.set(source, count + 1);
    socket.once('close', () => leave(open, source));
  });
}

function leave(open: Map<string, number>, source: string): void {
  const left = (open.get(source) ?? 0) - 1;
  if (left > 0) open.set(source, left);
  else open.delete(source);
}

function atMostEvery(ms: number, tell: (reason: string) => void): (reason: string) => void {
  let nextAt = 0;
  return (reason) => {
    const now = performance.now();
    if (now < nextAt) return;
    nextAt = now + ms;
    tell(reason);
  };
}
