import { setTimeout as delay } from 'node:timers/promises';
import type { AdoptedContainer, AdoptionRequest } from '../../executor/backend.js';
import { readProcessFile } from '../delivery/process-files.js';
import { engineTime } from '../engine/clock.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import { readOnlyFile } from '../engine/tar-file.js';
import { AdoptedJobContainer, type AdoptedParts } from './adopted-container.js';
import { secretsLabel } from './container.js';
import { findOurs } from './create.js';
import { isAway } from './exit.js';
import { removeUntilGone } from './removal.js';

/** Between two questions while the engine is away. */
const pauseMs = 500;
/** Far above what a job's secrets may take. */
const largestSecretsBytes = 64 * 1024 * 1024;

/** See the contract in `executor/backend.ts`. */
export async function adoptContainer(
  parts: AdoptedParts,
  request: AdoptionRequest,
): Promise<AdoptedContainer | undefined> {
  const found = await retryWhileAway(() => findOurs(parts, request), parts.retryForMs);
  if (found === undefined) return undefined;
  const { id, startedAt } = found;
  if (startedAt === undefined) {
    await removeUntilGone({ ...parts, findId: async () => id });
    return undefined;
  }
  const secrets = await readSecrets(parts.engine, found);
  const now = await retryWhileAway(() => engineTime(parts.engine), parts.retryForMs);
  const ranMs = Math.max(0, now.getTime() - startedAt.getTime());
  return new AdoptedJobContainer(parts, { ...found, ranMs }, secrets);
}

async function retryWhileAway<T>(ask: () => Promise<T>, retryForMs: number): Promise<T> {
  const until = performance.now() + retryForMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error) || performance.now() > until) throw error;
    }
    await delay(pauseMs);
  }
}

/**
 * A bound file is read through a process of the container: its name on this host is gone, and the engine's own way into a
 * container is not safe where something is mounted. Without a bound file it lies in the container's own layer.
 */
async function readSecrets(engine: Engine, found: ContainerFacts): Promise<Uint8Array | undefined> {
  const path = found.labels[secretsLabel] ?? '/secrets.yml';
  if (found.pid !== undefined) {
    const process = { pid: found.pid, containerId: found.id };
    const bytes = await readProcessFile(process, path, largestSecretsBytes);
    if (bytes !== undefined) return bytes;
  }
  if (found.hasMounts) return undefined;
  try {
    const tar = await engine.findFile(found.id, path);
    return tar && (await readOnlyFile(tar, largestSecretsBytes));
  } catch {
    return undefined; // Its output is kept back then, which its owner is told.
  }
}
