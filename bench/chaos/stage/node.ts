import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnEngine } from '../../../rig/engine/own-engine.js';
import { type StintServer, startStintServer } from '../../../rig/stint/stint.js';
import type { WrongClock } from '../../../rig/stint/wrong-clock.js';
import type { TcpProxy } from '../../../rig/tcp-proxy.js';

export interface NodeOptions {
  readonly name: string;
  readonly port: number;
  readonly engine: OwnEngine;
  /** What stands between the server and its parts. */
  readonly proxies: Readonly<Record<'engine' | 'postgres' | 'vault', TcpProxy>>;
  readonly secretsDirectory: string;
  /** What it takes for the time; the right one, unless this is given. */
  readonly clock: WrongClock | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Keeps what each life of the server has logged, where it is given. */
  readonly logDirectory: string | undefined;
}

const retryMs = 300;

/** One stint node over all its lives: same name, same place, same engine. */
export class ChaosNode implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly engine: OwnEngine;
  readonly proxies: NodeOptions['proxies'];
  readonly secretsDirectory: string;
  readonly clock: WrongClock | undefined;
  readonly #options: NodeOptions;
  #server: StintServer | undefined;
  #isOver = false;
  #deaths = 0;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.url = `http://127.0.0.1:${options.port}`;
    this.engine = options.engine;
    this.proxies = options.proxies;
    this.secretsDirectory = options.secretsDirectory;
    this.clock = options.clock;
  }

  /** Starts a server and waits until it is ready. Where a part is away it cannot start yet, so it is tried again. */
  async start(): Promise<void> {
    while (!this.#isOver && this.#server === undefined) {
      try {
        this.#server = await startStintServer({ env: this.#options.env, clock: this.clock });
      } catch {
        await delay(retryMs);
      }
    }
  }

  /** As a crash: nothing in it runs any more. */
  async kill(): Promise<void> {
    this.#deaths = this.deaths;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.signal('SIGKILL');
    await server.gone(goneMs);
    await this.#end(server);
  }

  suspend(): void {
    this.#server?.signal('SIGSTOP');
  }

  resume(): void {
    this.#server?.signal('SIGCONT');
  }

  /** How many of its lives have ended by themselves: no fault may do that. */
  get deaths(): number {
    return this.#deaths + (this.#server?.exitCode() === undefined ? 0 : 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.signal('SIGCONT');
    server.signal('SIGTERM');
    await this.#end(server);
  }

  async #end(server: StintServer): Promise<void> {
    const { logDirectory, name } = this.#options;
    if (logDirectory !== undefined)
      await appendFile(join(logDirectory, `${name}.log`), await server.readLog());
    await server[Symbol.asyncDispose]();
  }
}

const goneMs = 5_000;
