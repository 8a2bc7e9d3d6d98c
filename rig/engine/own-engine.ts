import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDirectoryAndUsers } from '../leftovers.js';
import { findStartTime, type Log, type Part, RigError, startPart, until } from '../process.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';
import { connectDocker, pingEngine } from './docker.js';

export interface OwnEngineOptions {
  readonly name?: string;
  readonly args?: readonly string[];
  readonly log?: Log | undefined;
}

/** Starts a `dockerd` of our own, as root, beside whatever else runs on the machine. */
export async function startOwnEngine(options: OwnEngineOptions = {}): Promise<OwnEngine> {
  await sweepDeadRuns();
  const directory = await createRunDirectory(options.name ?? 'engine');
  try {
    const engine = new OwnEngine(directory, await startNetwork(directory), options);
    await engine.start();
    return engine;
  } catch (error) {
    await removeDirectoryAndUsers(directory);
    throw error;
  }
}

/**
 * Holds a network namespace with loopback up. A bridge and its packet filter rules belong to one engine alone, so
 * each of ours gets a network of its own; it outlives the engine's restarts because this holder, not the engine,
 * made it. Nothing outside can be reached from it.
 */
async function startNetwork(directory: string): Promise<Part> {
  const logFile = join(directory, 'network.log');
  const script = 'ip link set lo up && echo ready && exec sleep infinity';
  const holder = await startPart('unshare', ['--net', 'sh', '-c', script], { logFile, deathSignal: 'KILL' });
  const isReady = () => holder.hasExited() || holder.logTail() === 'ready';
  await until(isReady, { limitMs: START_LIMIT_MS, what: 'a network namespace' });
  if (holder.hasExited())
    throw new RigError(
      `Could not make a network namespace: ${holder.logTail()}. A container must be privileged for this.`,
    );
  return holder;
}

/** An engine that a test may stop, kill and start again on the same data. Disposing leaves nothing of it. */
export class OwnEngine implements AsyncDisposable {
  readonly socketPath: string;
  readonly dockerHost: string;
  readonly directory: string;
  readonly #network: Part;
  readonly #args: readonly string[];
  readonly #log: Log;
  #daemon: Part | undefined;

  constructor(directory: string, network: Part, options: OwnEngineOptions) {
    this.directory = directory;
    this.socketPath = join(directory, 'docker.sock');
    this.dockerHost = `unix://${this.socketPath}`;
    this.#network = network;
    this.#args = options.args ?? [];
    this.#log = options.log ?? (() => undefined);
  }

  get pid(): number | undefined {
    return this.#daemon?.pid;
  }

  /** Turns a command into one that runs in the engine's network, where its loopback and its bridge are. */
  inNetwork(command: string, args: readonly string[]): [string, string[]] {
    return ['nsenter', ['--target', String(this.#network.pid), '--net', command, ...args]];
  }

  async start(): Promise<void> {
    const startedAt = Date.now();
    // Without a file of its own it would read the machine's settings, which may contradict our arguments.
    await writeFile(join(this.directory, 'daemon.json'), '{}');
    const logFile = join(this.directory, 'dockerd.log');
    const daemon = await startPart(...this.inNetwork('dockerd', this.#daemonArgs()), {
      logFile,
      deathSignal: 'TERM',
    });
    this.#daemon = daemon;
    const answers = async () => daemon.hasExited() || (await pingEngine(this.dockerHost)) === undefined;
    await until(answers, { limitMs: START_LIMIT_MS, what: `the Docker engine. Its log: ${logFile}` });
    if (daemon.hasExited()) throw new RigError(`Could not start a Docker engine:\n${daemon.logTail()}`);
    this.#log(`dockerd ${daemon.pid} answers after ${Date.now() - startedAt} ms at ${this.dockerHost}`);
  }

  #daemonArgs(): string[] {
    const at = (name: string) => join(this.directory, name);
    const options = {
      host: this.dockerHost,
      'config-file': at('daemon.json'),
      pidfile: at('dockerd.pid'),
      'data-root': at('data'),
      'exec-root': at('exec'),
      'log-level': 'warn',
    };
    return [...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]), ...this.#args];
  }

  /** Politely: the engine stops its containers first, unless it was told to leave them running. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** As a crash: the containers go on without it. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    await this.#forgetContainerd();
  }

  /**
   * The engine's helper dies with it, but its pid file stays. Where process 1 is slow to collect the dead, the next
   * engine takes the pid for a running helper and waits for it in vain.
   */
  async #forgetContainerd(): Promise<void> {
    const pidFile = join(this.directory, 'exec/containerd/containerd.pid');
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => Number.NaN));
    if (Number.isNaN(pid)) return;
    const isGone = async () => (await findStartTime(pid)) === undefined;
    await until(isGone, { limitMs: STOP_LIMIT_MS, what: 'containerd to end' });
    await rm(pidFile, { force: true });
  }

  /** Makes it hang without answering until `resume`. */
  suspend(): void {
    this.#daemon?.signal('SIGSTOP');
  }

  resume(): void {
    this.#daemon?.signal('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined) return;
    daemon.signal('SIGCONT');
    daemon.signal(signal);
    await daemon.gone(STOP_LIMIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const startedAt = Date.now();
    try {
      this.resume();
      await this.#removeContainers();
      await this.stop();
    } catch (error) {
      this.#log(`the engine did not stop politely: ${(error as Error).message}`);
    }
    this.#network.signal('SIGKILL');
    await removeDirectoryAndUsers(this.directory);
    this.#log(`dockerd stopped and removed in ${Date.now() - startedAt} ms`);
  }

  /** First the containers, at once: a polite stop would wait ten seconds for each that ignores the signal. */
  async #removeContainers(): Promise<void> {
    if (this.#daemon === undefined || this.#daemon.hasExited()) return;
    const docker = connectDocker(this.dockerHost);
    const containers = await docker.listContainers({ all: true });
    const remove = (id: string) => docker.getContainer(id).remove({ force: true, v: true });
    await Promise.allSettled(containers.map((container) => remove(container.Id)));
  }
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
