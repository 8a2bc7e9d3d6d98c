import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What happens to a request. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  /** The request never arrives: the connection is cut before it is passed on. */
  | { readonly kind: 'cut' }
  /** Vault carries it out, and the answer is lost. */
  | { readonly kind: 'drop_reply' }
  /** There is never an answer. */
  | { readonly kind: 'hang' }
  /** A byte now and then, without end. */
  | { readonly kind: 'drip' }
  /** Something happens first, then the request is passed on. */
  | { readonly kind: 'meanwhile'; readonly happens: () => void }
  /** An answer of so many bytes. */
  | { readonly kind: 'flood'; readonly bytes: number };

export const sealed: Fault = { kind: 'answer', status: 503, body: { errors: ['Vault is sealed'] } };

export interface Asked {
  readonly method: string;
  /** Below `/v1/`. */
  readonly path: string;
  readonly token: string | undefined;
  readonly body: string;
}

interface Rule {
  readonly path: RegExp;
  readonly fault: Fault;
  left: number;
}

/** A recording proxy in front of a Vault, or of an engine. It passes on every request to which no fault applies. */
export class FaultProxy implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #target: URL;
  readonly #rules: Rule[] = [];
  readonly #server = createServer((incoming, outgoing) => void this.#handle(incoming, outgoing));

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  /** Listens on this socket; by default on a free port of the loopback. */
  static async start(target: string, socketPath?: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    const place = socketPath === undefined ? { port: 0, host: '127.0.0.1' } : { path: socketPath };
    await new Promise<void>((resolve) => proxy.#server.listen(place, resolve));
    return proxy;
  }

  get address(): string {
    const address = this.#server.address() as AddressInfo | string;
    return typeof address === 'string' ? `unix://${address}` : `http://127.0.0.1:${address.port}`;
  }

  /** Injects a fault into the next `times` requests whose path below `/v1/` matches; the newest rule counts. */
  spoil(path: RegExp, fault: Fault, times = Number.POSITIVE_INFINITY): void {
    this.#rules.unshift({ path, fault, left: times });
  }

  heal(): void {
    this.#rules.length = 0;
  }

  /** How often a path was asked for. */
  count(path: RegExp): number {
    return this.asked.filter((asked) => path.test(asked.path)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const path = (incoming.url ?? '').replace(/^\/v1\//, '');
    const token = incoming.headers['x-vault-token'] as string | undefined;
    this.asked.push({ method: incoming.method ?? '', path, token, body: body.toString() });
    const rule = this.#rules.find((each) => each.left > 0 && each.path.test(path));
    if (rule === undefined) return void this.#pass(incoming, body, outgoing);
    rule.left -= 1;
    await this.#spoil(rule.fault, { incoming, body, outgoing });
  }

  async #spoil(
    fault: Fault,
    { incoming, body, outgoing }: { incoming: IncomingMessage; body: Buffer; outgoing: ServerResponse },
  ): Promise<void> {
    switch (fault.kind) {
      case 'answer':
        outgoing.writeHead(fault.status, fault.headers);
        outgoing.end(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body));
        return;
      case 'cut':
        incoming.socket.destroy();
        return;
      case 'drop_reply':
        await this.#pass(incoming, body, undefined);
        incoming.socket.destroy();
        return;
      case 'hang':
        return;
      case 'meanwhile':
        fault.happens();
        await this.#pass(incoming, body, outgoing);
        return;
      case 'drip':
        drip(outgoing);
        return;
      case 'flood':
        flood(outgoing, fault.bytes);
    }
  }

  async #pass(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const { method, headers, url } = incoming;
      const going = request(
        { ...whereOf(this.#target), path: url, method, headers, agent: false },
        (reply) => {
          outgoing?.writeHead(reply.statusCode ?? 500, reply.headers).flushHeaders(); // A stream may be silent for long.
          if (outgoing === undefined) reply.resume();
          else reply.pipe(outgoing);
          reply.once('end', resolve);
        },
      );
      outgoing?.once('close', () => going.destroy());
      going.once('error', () => {
        outgoing?.destroy();
        resolve();
      });
      going.end(body);
    });
  }
}

/** An engine listens on a socket: `unix:///path`. */
function whereOf({ protocol, pathname, hostname, port }: URL): object {
  return protocol === 'unix:' ? { socketPath: pathname } : { hostname, port };
}

function drip(outgoing: ServerResponse): void {
  outgoing.writeHead(200);
  const timer = setInterval(() => outgoing.write(' '), 20);
  outgoing.once('close', () => clearInterval(timer));
}

function flood(outgoing: ServerResponse, bytes: number): void {
  const piece = Buffer.alloc(64 * 1024, ' ');
  let left = bytes;
  const more = () => {
    while (left > 0 && !outgoing.destroyed) {
      left -= piece.length;
      if (!outgoing.write(piece)) return void outgoing.once('drain', more);
    }
    outgoing.end();
  };
  outgoing.writeHead(200);
  more();
}
