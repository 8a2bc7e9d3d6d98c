// One stint node of a chaos run, which may be killed, paused and started again.
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
  /** Between the server and its parts. */
  readonly proxies: Readonly<Record<'engine' | 'postgres' | 'vault', TcpProxy>>;
  readonly secretsDirectory: string;
  /** The clock that the server sees; undefined for the real one. */
  readonly clock: WrongClock | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Where the logs of all server processes are kept; undefined: they are not kept. */
  readonly logDirectory: string | undefined;
}

const retryMs = 300;

/** Name, directories and engine stay the same across all its server processes. */
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

  /** Starts a server and waits until it is ready. While a part is unavailable a start fails, so it is repeated. */
  async start(): Promise<void> {
    while (!this.#isOver && this.#server === undefined) {
      try {
        this.#server = await startStintServer({ env: this.#options.env, clock: this.clock });
      } catch {
        await delay(retryMs);
      }
    }
  }

  /** SIGKILL, as in a crash. Resolves when the process is gone. */
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

  /** How many server processes exited by themselves: no fault may cause that. */
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
