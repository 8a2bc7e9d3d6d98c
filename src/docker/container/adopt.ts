// Finds the container that the previous process of this node started for a job.
import { setTimeout as delay } from 'node:timers/promises';
import type { AdoptedContainer, AdoptionRequest } from '../../executor/backend.js';
import { readProcessFile } from '../delivery/process-files.js';
import { engineTime } from '../engine/clock.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import { readOnlyFile } from '../engine/tar-file.js';
import { reopenPipes } from '../output/program-pipes.js';
import { AdoptedJobContainer, type AdoptedParts } from './adopted-container.js';
import { secretsLabel } from './container.js';
import { findOurs } from './create.js';
import { isUnavailable } from './exit.js';
import { removeUntilGone } from './removal.js';

/** Between two tries while the engine is unavailable. */
const pauseMs = 500;
/** Far above the size of any job's secrets. */
const largestSecretsBytes = 64 * 1024 * 1024;

/** See the contract in `executor/backend.ts`. */
export async function adoptContainer(
  parts: AdoptedParts,
  request: AdoptionRequest,
): Promise<AdoptedContainer | undefined> {
  const found = await retryWhileUnavailable(() => findOurs(parts, request), parts.retryForMs);
  if (found === undefined) return undefined;
  const { id, startedAt } = found;
  if (startedAt === undefined) {
    await removeUntilGone({ ...parts, findId: async () => id });
    return undefined;
  }
  const secrets = await readSecrets(parts.engine, found);
  const pipes = await reopenPipes(found, request.pipes ?? []);
  const now = await retryWhileUnavailable(() => engineTime(parts.engine), parts.retryForMs);
  const ranMs = Math.max(0, now.getTime() - startedAt.getTime());
  return new AdoptedJobContainer(parts, { ...found, ranMs }, { secrets, pipes });
}

async function retryWhileUnavailable<T>(ask: () => Promise<T>, retryForMs: number): Promise<T> {
  const until = performance.now() + retryForMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > until) throw error;
    }
    await delay(pauseMs);
  }
}

/**
 * A bound file is read through a process of the container: its path on this host is gone, and the engine's archive API
 * is not safe where something is mounted. Without a bound file the secrets file is in the container's own layer.
 */
async function readSecrets(engine: Engine, found: ContainerFacts): Promise<Uint8Array | undefined> {
  const path = found.labels[secretsLabel] ?? '/secrets.yml';
  if (path === '') return undefined;
  if (found.pid !== undefined) {
    const process = { pid: found.pid, containerId: found.id };
    const bytes = await readProcessFile(process, path, largestSecretsBytes);
    if (bytes !== undefined) return bytes;
  }
  if (found.mounts.length > 0) return undefined;
  try {
    const tar = await engine.findFile(found.id, path);
    return tar && (await readOnlyFile(tar, largestSecretsBytes));
  } catch {
    return undefined; // The output is then withheld, and the job says so.
  }
}
