// Finds a Docker engine for tests, demo and bench, or starts one.
import { findProgram, isRoot, type Log, RigError } from '../process.js';
import { type Confirm, installDebianPackages } from './debian.js';
import { pingEngine } from './docker.js';
import { type OwnEngine, startOwnEngine } from './own-engine.js';

/** A Docker engine that answers. Disposing stops it only where we started it. */
export interface Engine extends AsyncDisposable {
  /** The value for `DOCKER_HOST`. */
  readonly dockerHost: string;
  /** Undefined where the engine is reached over the network. */
  readonly socketPath: string | undefined;
  /** Set where we started it: then a test may stop, kill and restart it. */
  readonly own: OwnEngine | undefined;
}

export interface EngineOptions {
  /** Used in the directory's name and in log lines. Several engines in one run need different names. */
  readonly name?: string;
  /** Always starts a private engine: for a second node, or for tests that break the engine. */
  readonly alwaysOwn?: boolean;
  /** Further arguments for our own `dockerd`, such as `--live-restore`. */
  readonly args?: readonly string[];
  /** Our own `dockerd` uses a containerd that a test may restart alone. */
  readonly separateContainerd?: boolean;
  readonly confirm?: Confirm | undefined;
  readonly log?: Log | undefined;
}

/**
 * Tries `DOCKER_HOST`, then the default socket, then a private engine from Debian's `docker.io`, which is installed where
 * needed. Only root can do the last.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const found = options.alwaysOwn === true ? undefined : await findEngine();
  if (found !== undefined) return found;
  await ensureEngineInstalled(options);
  // Where a service manager runs, installing the package has started the engine already.
  const started = options.alwaysOwn === true ? undefined : await findEngine();
  return started ?? toOwn(await startOwnEngine(options));
}

async function findEngine(): Promise<Engine | undefined> {
  const named = process.env.DOCKER_HOST;
  if (named !== undefined && named !== '') return await useNamed(named);
  const problem = await pingEngine(DEFAULT_HOST);
  if (problem === undefined) return toFound(DEFAULT_HOST);
  if (!isRoot()) throw explainUnusable(problem);
  return undefined;
}

async function useNamed(dockerHost: string): Promise<Engine> {
  const problem = await pingEngine(dockerHost);
  if (problem === undefined) return toFound(dockerHost);
  throw new RigError(
    `Could not use the Docker engine of DOCKER_HOST="${dockerHost}": ${problem.message}. Start it, or unset DOCKER_HOST.`,
    { cause: problem },
  );
}

/** Without root rights no engine can be started, so the error says how to get one. */
export function explainUnusable(problem: NodeJS.ErrnoException): RigError {
  return new RigError(
    `Could not use the Docker engine at "${DEFAULT_HOST}": ${problem.message}. ${fixFor(problem.code)}`,
    { cause: problem },
  );
}

function fixFor(code: string | undefined): string {
  if (code === 'EACCES')
    return 'Join the group of the socket (sudo usermod -aG docker "$USER", then log in again), run as root, or set DOCKER_HOST.';
  return 'Start it (sudo systemctl start docker) or install it (sudo apt-get install docker.io iptables), run as root so that we can start one of our own, or set DOCKER_HOST.';
}

async function ensureEngineInstalled(options: EngineOptions): Promise<void> {
  const programs = await Promise.all(['dockerd', 'iptables', 'ip'].map(findProgram));
  if (programs.includes(undefined)) await installDebianPackages(PACKAGES, options);
}

function toFound(dockerHost: string): Engine {
  return {
    dockerHost,
    socketPath: dockerHost.startsWith('unix://') ? dockerHost.slice('unix://'.length) : undefined,
    own: undefined,
    [Symbol.asyncDispose]: async () => {
      // It was running before and keeps running.
    },
  };
}

function toOwn(own: OwnEngine): Engine {
  const { dockerHost, socketPath } = own;
  return { dockerHost, socketPath, own, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
}

/** `busybox-static` too: images of a private engine are made of it, and so people are asked only once. */
const PACKAGES = ['docker.io', 'iptables', 'iproute2', 'busybox-static'];
const DEFAULT_HOST = 'unix:///var/run/docker.sock';
