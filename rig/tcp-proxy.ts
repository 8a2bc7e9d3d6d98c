// A proxy in front of a part, with which tests cut, refuse, slow or stall connections.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface TcpProxyOptions {
  /** The server behind it: `{ path }` or `{ host, port }`. */
  readonly to: NetConnectOpts;
  /** Listens on this Unix socket; by default on a free port of the loopback. */
  readonly socketPath?: string;
}

/** It passes bytes on and knows nothing of the protocol. `heal` ends what `refuse`, `slow` and `stall` began. */
export class TcpProxy implements AsyncDisposable {
  #to: NetConnectOpts;
  readonly #open = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  #isRefusing = false;
  #refused = 0;
  #delayMs = 0;
  #stalled: Promise<void> | undefined;
  #release: (() => void) | undefined;

  private constructor(to: NetConnectOpts) {
    this.#to = to;
  }

  static async start({ to, socketPath }: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(to);
    if (socketPath === undefined) proxy.#server.listen(0, '127.0.0.1');
    else proxy.#server.listen(socketPath);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The port on the loopback. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections `refuse` has refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Breaks all open connections; new ones work. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Breaks all open connections and every new one, as if the part were gone, until `heal`. */
  refuse(): void {
    this.#isRefusing = true;
    this.cut();
  }

  /** Breaks all open connections, and leads new ones to another server. */
  redirect(to: NetConnectOpts): void {
    this.#to = to;
    this.cut();
  }

  /** Delays everything that passes by this time, until `heal`. */
  slow(ms: number): void {
    this.#delayMs = ms;
  }

  /** Nothing passes, but connections stay open, until `heal`. */
  stall(): void {
    this.#stalled ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  heal(): void {
    this.#isRefusing = false;
    this.#delayMs = 0;
    this.#release?.();
    this.#stalled = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    this.refuse();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#isRefusing) {
      this.#refused += 1;
      return void near.destroy();
    }
    const far = connect({ ...this.#to, allowHalfOpen: true });
    for (const socket of [near, far]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    void this.#pump(near, far);
    void this.#pump(far, near);
  }

  /** One chunk after another, so that a changed delay never changes their order. */
  async #pump(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const piece of from.iterator({ destroyOnReturn: false })) {
        await this.#stalled;
        if (this.#delayMs > 0) await delay(this.#delayMs);
        if (!to.write(piece as Uint8Array)) await once(to, 'drain');
      }
      to.end();
    } catch {
      from.destroy();
    }
  }
}

/** The same address, through the proxy. */
export function through(url: string, proxy: TcpProxy): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}
