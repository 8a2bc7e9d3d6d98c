// Opens the sockets of a client of the driver, with a rest after failures and no gap between a failure and the close.
import { connect, type NetConnectOpts, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startTls, type TlsRequest, tlsMode } from './tls.js';

/** Where the driver wants a connection to: what it read out of the URL. */
export interface SocketTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** A Unix socket. */
  readonly path?: string | false;
  readonly sslnegotiation?: string | null;
}

/** The longest rest between two attempts to connect. */
const longestRestMs = 1_000;
/** A connection that lived longer was no failure. A standby's lives shorter: it is closed as soon as it says what it is. */
const shortLifeMs = 100;

/** How long to wait before the next attempt, after so many failures in a row. */
export function restMs(failures: number): number {
  return Math.min(longestRestMs, 50 * 2 ** failures);
}

/** The failures of several clients, of which each takes the place of the one before. */
interface Record {
  failures: number;
  restUntil: number;
  attempts: number;
}

/** Gives the driver its sockets, until `succeed`. It never rejects: the driver would lose the slot. */
export class Sockets {
  readonly #tlsMode: string | undefined;
  readonly #record: Record;
  #isRetired = false;

  constructor(url: string, record: Record = { failures: 0, restUntil: 0, attempts: 0 }) {
    this.#tlsMode = tlsMode(url);
    this.#record = record;
  }

  /** From now on it opens none any more, and refuses. */
  retire(): void {
    this.#isRetired = true;
  }

  /** The sockets of the next client, in place of these, which retire. */
  succeed(url: string): Sockets {
    this.retire();
    return new Sockets(url, this.#record);
  }

  async open(target: SocketTarget): Promise<Socket> {
    await delay(Math.max(0, this.#record.restUntil - performance.now()));
    if (this.#isRetired) return failing(closed());
    try {
      return withoutGap(await this.#openNow(target));
    } catch (error) {
      return failing(error);
    }
  }

  async #openNow(target: SocketTarget): Promise<Socket> {
    const index = this.#record.attempts++ % target.host.length;
    const host = target.host[index] ?? 'localhost';
    const raw = connect(addressOf(target, index, host));
    this.#watch(raw);
    if (this.#tlsMode === undefined) return raw;
    const request: TlsRequest = { mode: this.#tlsMode, host, isDirect: target.sslnegotiation === 'direct' };
    return startTls(raw, request);
  }

  #watch(socket: Socket): void {
    const openedAt = performance.now();
    socket.once('close', () => {
      const now = performance.now();
      if (now < this.#record.restUntil) return; // Several fail together.
      this.#record.failures = now - openedAt < shortLifeMs ? this.#record.failures + 1 : 0;
      this.#record.restUntil = now + restMs(this.#record.failures);
    });
  }
}

function addressOf({ port, path }: SocketTarget, index: number, host: string): NetConnectOpts {
  return typeof path === 'string' ? { path } : { host, port: port[index] ?? 5432 };
}

function closed(): Error {
  return Object.assign(new Error('The client was replaced.'), { code: 'CONNECTION_CLOSED' });
}

/** A socket that fails once the driver listens to it. */
function failing(error: unknown): Socket {
  const socket = withoutGap(new Socket());
  setImmediate(() => socket.destroy(error as Error));
  return socket;
}

/**
 * postgres.js 3.4.9 gives statements to a connection between its socket's `error` and `close`, which are a moment apart. They
 * are never sent, and the connection later answers them with the rows of others. So `error` is told right before `close`.
 */
function withoutGap(socket: Socket): Socket {
  let failure: unknown;
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event === 'error') {
      failure ??= args[0];
      return true;
    }
    if (event === 'close' && failure !== undefined && socket.listenerCount('error') > 0)
      emit('error', failure);
    return emit(event, ...args);
  };
  return socket;
}
