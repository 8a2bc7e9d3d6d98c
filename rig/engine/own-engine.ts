// Runs a private `dockerd` in a network namespace of its own; tests may stop, kill and restart it.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDirectoryAndUsers } from '../leftovers.js';
import { findStartTime, type Log, type Part, RigError, startPart, until } from '../process.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';
import { connectDocker, pingEngine } from './docker.js';
import { OwnContainerd } from './own-containerd.js';

export interface OwnEngineOptions {
  readonly name?: string;
  readonly args?: readonly string[];
  /** With a containerd that it does not start and end itself. */
  readonly separateContainerd?: boolean;
  readonly log?: Log | undefined;
}

/** Starts a private `dockerd`, as root, independent of other engines on the machine. */
export async function startOwnEngine(options: OwnEngineOptions = {}): Promise<OwnEngine> {
  await sweepDeadRuns();
  const directory = await createRunDirectory(options.name ?? 'engine');
  try {
    const engine = new OwnEngine(directory, await startNetwork(directory), options);
    await engine.containerd?.start();
    await engine.start();
    return engine;
  } catch (error) {
    await removeDirectoryAndUsers(directory);
    throw error;
  }
}

/**
 * Starts a process that holds a network namespace with loopback up. Two engines cannot share a bridge and its packet filter
 * rules, so each private engine gets its own network. It survives the engine's restarts because this process, not the
 * engine, made it. Nothing outside can be reached from it.
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

/** A test may stop, kill and restart it on the same data. Disposing removes everything. */
export class OwnEngine implements AsyncDisposable {
  readonly socketPath: string;
  readonly dockerHost: string;
  readonly directory: string;
  /** Undefined where the engine starts its own. */
  readonly containerd: OwnContainerd | undefined;
  readonly #network: Part;
  readonly #args: readonly string[];
  readonly #log: Log;
  #daemon: Part | undefined;

  constructor(directory: string, network: Part, options: OwnEngineOptions) {
    this.directory = directory;
    this.socketPath = join(directory, 'docker.sock');
    this.dockerHost = `unix://${this.socketPath}`;
    this.#network = network;
    this.containerd =
      options.separateContainerd === true
        ? new OwnContainerd(directory, (command, args) => this.inNetwork(command, args))
        : undefined;
    this.#args = [...(options.args ?? []), ...containerdArgs(this.containerd)];
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
    // Without this file it would read the machine's settings, which may contradict our arguments.
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

  /** SIGTERM: the engine stops its containers first, unless it runs with `--live-restore`. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** SIGKILL, as in a crash: the containers keep running. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    await this.#removeContainerdPid();
  }

  /**
   * containerd ends with the engine, but its pid file stays. Where process 1 is slow to reap zombies, the next engine takes
   * the pid for a running containerd and waits for it in vain.
   */
  async #removeContainerdPid(): Promise<void> {
    const pidFile = join(this.directory, 'exec/containerd/containerd.pid');
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => Number.NaN));
    if (Number.isNaN(pid)) return;
    const isGone = async () => (await findStartTime(pid)) === undefined;
    await until(isGone, { limitMs: STOP_LIMIT_MS, what: 'containerd to end' });
    await rm(pidFile, { force: true });
  }

  /** Makes it hang without an answer until `resume`. */
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
      await this.containerd?.stop();
    } catch (error) {
      this.#log(`the engine did not stop on SIGTERM: ${(error as Error).message}`);
    }
    this.#network.signal('SIGKILL');
    await removeDirectoryAndUsers(this.directory);
    this.#log(`dockerd stopped and removed in ${Date.now() - startedAt} ms`);
  }

  /** Containers are removed by force first: stopping them would wait ten seconds for each that ignores the signal. */
  async #removeContainers(): Promise<void> {
    if (this.#daemon === undefined || this.#daemon.hasExited()) return;
    const docker = connectDocker(this.dockerHost);
    const containers = await docker.listContainers({ all: true });
    const remove = (id: string) => docker.getContainer(id).remove({ force: true, v: true });
    await Promise.allSettled(containers.map((container) => remove(container.Id)));
  }
}

function containerdArgs(containerd: OwnContainerd | undefined): string[] {
  return containerd === undefined ? [] : ['--containerd', containerd.address];
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
