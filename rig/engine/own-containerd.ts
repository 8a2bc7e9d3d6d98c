// Runs a private containerd beside our own engine, so that a test can restart it alone.
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Part, RigError, startPart, until } from '../process.js';

/** Starts a command where the engine runs. */
export type InNetwork = (command: string, args: readonly string[]) => [string, string[]];

/** The runtime below an engine, as a service of its own: what packages of Docker 29 install. */
export class OwnContainerd {
  readonly address: string;
  readonly #directory: string;
  readonly #inNetwork: InNetwork;
  #daemon: Part | undefined;

  constructor(directory: string, inNetwork: InNetwork) {
    this.address = join(directory, 'containerd.sock');
    this.#directory = directory;
    this.#inNetwork = inNetwork;
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.#directory, name);
    await writeFile(at('containerd.toml'), CONFIG);
    const options = ['--config', at('containerd.toml'), '--address', this.address];
    const folders = ['--root', at('containerd-root'), '--state', at('containerd-state')];
    const logFile = at('containerd.log');
    const daemon = await startPart(...this.#inNetwork('containerd', [...options, ...folders]), {
      logFile,
      deathSignal: 'TERM',
    });
    this.#daemon = daemon;
    const isUp = async () => daemon.hasExited() || (await exists(this.address));
    await until(isUp, { limitMs: LIMIT_MS, what: `containerd. Its log: ${logFile}` });
    if (daemon.hasExited()) throw new RigError(`Could not start containerd:\n${daemon.logTail()}`);
  }

  /** Its containers run on: each has a shim of its own. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    daemon?.signal(signal);
    await daemon?.gone(LIMIT_MS);
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** The part for Kubernetes would listen on the network. */
const CONFIG = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n';
const LIMIT_MS = 20_000;
