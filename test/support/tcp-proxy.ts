import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Where a proxy leads: a port of the loopback, or a Unix socket. */
export type ProxyTarget = { readonly port: number } | { readonly path: string };

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A wire to a part that a test may cut, or hold so that nothing passes, and mend. It knows no protocol. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: ProxyTarget;
  readonly #pairs = new Set<Pair>();
  readonly #server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  #state: 'whole' | 'cut' | 'stalled' = 'whole';

  private constructor(target: ProxyTarget) {
    this.#target = target;
  }

  static async start(target: ProxyTarget): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, and each new one at once. */
  cut(): void {
    this.#state = 'cut';
    this.#destroyAll();
  }

  /** Connections stay and can be made, and no byte passes. */
  stall(): void {
    if (this.#state === 'stalled') return;
    this.#state = 'stalled';
    for (const { near, far } of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  /** What was held passes now; what was cut stays so, but new connections are good. */
  heal(): void {
    const wasStalled = this.#state === 'stalled';
    this.#state = 'whole';
    if (wasStalled) for (const { near, far } of this.#pairs) near.pipe(far).pipe(near);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#destroyAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#state === 'cut') {
      near.destroy();
      return;
    }
    const pair = { near, far: connect({ ...this.#target, allowHalfOpen: true }) };
    this.#pairs.add(pair);
    for (const end of [pair.near, pair.far]) {
      end.once('close', () => this.#forget(pair));
      end.on('error', () => this.#forget(pair));
    }
    if (this.#state === 'whole') near.pipe(pair.far).pipe(near);
  }

  #forget(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }

  #destroyAll(): void {
    for (const pair of this.#pairs) this.#forget(pair);
  }
}

/** The same address, by way of the proxy. */
export function through(url: string, proxy: TcpProxy): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}
