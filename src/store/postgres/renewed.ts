// Replaces a client of the driver when it loses a connection, which is not fit for use again, or gets a new login.
import { setTimeout as delay } from 'node:timers/promises';
import { type DatabaseAddress, drainMs } from './address.js';
import { reportConnectionLoss } from './connection-loss.js';
import { Sockets } from './sockets.js';

/** A client of the driver, and what statements are run on. */
export interface Client<Face extends object> {
  readonly face: Face;
  /** Lets running statements end for so many seconds, then closes all connections. */
  end(options: { timeout: number }): Promise<void>;
}

export interface ClientParts {
  readonly sockets: Sockets;
  readonly onLoss: () => void;
}

/** Longer than a statement is waited for after a loss. */
const endSeconds = 2;

/**
 * postgres.js 3.4.9 keeps the state of a lost connection when it connects again: its last error fails the next statement; rows
 * that had arrived are counted into the next answer, whose first row is then missing; and where a statement was about to be
 * sent, nothing is sent any more. So a client that lost a connection makes no new one. What it runs on others may end; what
 * waits in it is refused, and was not executed.
 */
export class RenewedClient<Face extends object> implements AsyncDisposable {
  readonly #address: DatabaseAddress;
  readonly #open: (parts: ClientParts, url: string) => Client<Face>;
  readonly #watching: Disposable;
  readonly #ending = new Set<Promise<void>>();
  #sockets: Sockets;
  #current: Client<Face>;
  #isDisposed = false;
  readonly #disposed = new AbortController();

  constructor(address: DatabaseAddress, open: (parts: ClientParts, url: string) => Client<Face>) {
    this.#address = address;
    this.#open = open;
    this.#watching = address.onChange(() => this.#changeOver());
    this.#sockets = new Sockets(address.url);
    this.#current = this.#openWith(this.#sockets);
  }

  /** Stands for the client of the moment. */
  readonly face: Face = new Proxy((() => undefined) as unknown as Face, {
    apply: (_, self, args) => Reflect.apply(this.#current.face as () => unknown, self, args),
    get: (_, key) => Reflect.get(this.#current.face, key),
  });

  #openWith(sockets: Sockets): Client<Face> {
    return this.#open({ sockets, onLoss: () => this.#lose(sockets) }, this.#address.url);
  }

  /** A client that was replaced closes its connections itself. */
  #lose(sockets: Sockets): void {
    if (sockets !== this.#sockets) sockets.retire();
    if (sockets !== this.#sockets || this.#isDisposed) return;
    reportConnectionLoss();
    const old = this.#current;
    this.#sockets = sockets.succeed(this.#address.url);
    this.#current = this.#openWith(this.#sockets);
    void this.#end(old);
  }

  /** Statements that run or wait in the old client are carried out there: it is ended when there can be none any more. */
  async #changeOver(): Promise<void> {
    if (this.#isDisposed) return;
    const old = this.#current;
    this.#sockets = new Sockets(this.#address.url);
    this.#current = this.#openWith(this.#sockets);
    await delay(drainMs, undefined, { signal: this.#disposed.signal, ref: false }).catch(() => undefined);
    await this.#end(old);
  }

  #end(old: Client<Face>): Promise<void> {
    const ending = old.end({ timeout: endSeconds }).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    return ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#watching[Symbol.dispose]();
    this.#disposed.abort();
    await Promise.all([this.#current.end({ timeout: 5 }), ...this.#ending]);
  }
}
