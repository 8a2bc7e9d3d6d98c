// Checks whether the engine can run jobs now.
import { statfs } from 'node:fs/promises';
import { BrokenError } from '../../job/errors.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';

/** The oldest API version that has all we use: Docker 20.10. */
const oldestApi = [1, 41] as const;

/** Throws `BrokenError` when jobs cannot run now: the engine is unavailable or too old, or their network is missing. */
export async function checkEngine(engine: Engine, network: string): Promise<void> {
  const { apiVersion } = await engine.version();
  if (!isNewEnough(apiVersion))
    throw new BrokenError(
      'engine_unavailable',
      `Expected an engine with API ${oldestApi.join('.')} or newer, got ${apiVersion}. Upgrade the engine.`,
    );
  if (!(await engine.hasNetwork(network))) throw new EngineError('network', 'network_missing', '');
}

/** Every container needs a little of both, whatever its job does. */
const leastFreeBytes = 64 * 1024 * 1024;
const leastFreeFiles = 1_000;

/** Throws `BrokenError` when the disk at this path is almost full. Does nothing when this host cannot see the path. */
export async function checkDisk(path: string): Promise<void> {
  const disk = await statfs(path).catch(() => undefined);
  if (disk === undefined) return;
  const hasRoom = disk.bavail * disk.bsize >= leastFreeBytes;
  const hasFiles = disk.files === 0 || disk.ffree >= leastFreeFiles; // Some file systems do not count them.
  if (hasRoom && hasFiles) return;
  throw new BrokenError(
    'engine_unavailable',
    `Expected at least 64 MiB and ${leastFreeFiles} files free on the disk of the engine, got less. Free some space there.`,
  );
}

function isNewEnough(apiVersion: string): boolean {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  return major > oldestApi[0] || (major === oldestApi[0] && minor >= oldestApi[1]);
}
