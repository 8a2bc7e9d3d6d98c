// Checks whether the engine can run jobs now.
import { statfs } from 'node:fs/promises';
import { BrokenError } from '../../job/errors.js';
import { startFailed } from '../program/start-errors.js';
import type { Engine, EngineState, EngineVersion } from './engine.js';
import { EngineError } from './errors.js';
import { ensureNetwork } from './isolated-network.js';
import { engineNetwork } from './networks.js';

/** The oldest API version that has all we use: Docker 20.10. */
const oldestApi = [1, 41] as const;

/** Throws `BrokenError` when jobs cannot run now: the engine is unavailable or too old, or their network is missing. */
export async function checkEngine(engine: Engine, network: string): Promise<void> {
  const version = await engine.version();
  refusePodman(version);
  const { apiVersion } = version;
  if (!isNewEnough(apiVersion))
    throw new BrokenError(
      'engine_unavailable',
      `Expected an engine with API ${oldestApi.join('.')} or newer, got ${apiVersion}. Upgrade the engine.`,
    );
  if (!(await ensureNetwork(engine, network))) throw new EngineError('network', 'network_missing', '');
}

/** Throws `BrokenError` for an engine on which jobs can never run, whatever is done there, and `EngineError` for no answer. */
export async function refuseUnsupported(engine: Pick<Engine, 'version'>): Promise<void> {
  refusePodman(await engine.version());
}

/** It speaks Docker's API, and cannot keep our promises: docs/engines.md. */
function refusePodman({ name, serverVersion }: EngineVersion): void {
  if (!/podman/i.test(name)) return;
  throw new BrokenError(
    'engine_unavailable',
    `Expected a Docker engine, got "${name}" ${serverVersion}: it is not supported, because its API does not say reliably how a container ended, which every success of a job needs, so set DOCKER_HOST to a Docker engine.`,
    { retryable: false },
  );
}

/** Every container needs a little of both, whatever its job does. */
const leastFreeBytes = 64 * 1024 * 1024;
const leastFreeFiles = 1_000;

/** A disk that jobs need, by a directory on it. */
export interface Disk {
  readonly path: string;
  readonly whose: 'the engine' | "the engine's containerd";
}

/** Where a containerd that the engine did not start keeps its data, unless its own settings say otherwise. */
const containerdRoot = '/var/lib/containerd';

/** An engine that leaves its images to the containerd of the system keeps only logs and metadata below its own root. */
export function disksOf(
  { dataRoot, hasSystemStore }: Pick<EngineState, 'dataRoot' | 'hasSystemStore'>,
  given: string | undefined,
): Disk[] {
  const path = given ?? (hasSystemStore ? containerdRoot : undefined);
  const store: Disk[] = path === undefined ? [] : [{ path, whose: "the engine's containerd" }];
  return [{ path: dataRoot, whose: 'the engine' }, ...store];
}

/** Throws `BrokenError` when this disk is almost full. Does nothing when this host cannot see the path. */
export async function checkDisk({ path, whose }: Disk): Promise<void> {
  const disk = await statfs(path).catch(() => undefined);
  if (disk === undefined) return;
  const hasRoom = disk.bavail * disk.bsize >= leastFreeBytes;
  const hasFiles = disk.files === 0 || disk.ffree >= leastFreeFiles; // Some file systems do not count them.
  if (hasRoom && hasFiles) return;
  throw new BrokenError(
    'engine_unavailable',
    `Expected at least 64 MiB and ${leastFreeFiles} files free on the disk of ${whose}, got less. Free some space there.`,
  );
}

/** A sentence for the operator where jobs reach each other on their network; undefined where the engine says that they do not. */
export async function reachWarning(engine: Engine, network: string): Promise<string | undefined> {
  if ((await engine.findNetwork(engineNetwork(network)))?.keepsApart !== false) return undefined;
  return `Jobs reach each other on the network "${network}". Set STINT_JOB_NETWORK=isolated, or \`"icc": false\` in the settings of the engine, where they are of different owners.`;
}

function isNewEnough(apiVersion: string): boolean {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  return major > oldestApi[0] || (major === oldestApi[0] && minor >= oldestApi[1]);
}

const builtIn: readonly string[] = ['bridge', 'host', 'none'];

/**
 * Throws `JobFailedError` `start_failed` where a job asks for a network that this engine does not have: the engine itself says so
 * only at the start, in the words in which it would say that the network of all jobs is gone.
 */
export async function refuseMissingNetwork(engine: Engine, name: string | undefined): Promise<void> {
  if (name === undefined || builtIn.includes(name) || (await ensureNetwork(engine, name))) return;
  throw startFailed(
    'network_missing',
    `Could not prepare the container: the engine of this node has no network "${name}". Create it there, or name another.`,
  );
}
