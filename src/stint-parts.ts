import { readPayload } from './api/gostint/payload.js';
import type { AppParts } from './api/parts.js';
import type { Closers } from './closers.js';
import type { Config } from './config.js';
import { openDockerBackend } from './docker/backend.js';
import type { DockerBackend } from './docker/engine-backend.js';
import type { ExecutorParts } from './executor/execute.js';
import { BrokenError } from './job/errors.js';
import type { Log } from './log.js';
import { type NodeState, openNodeState } from './node-state.js';
import { createQueue } from './queue/line.js';
import { Worker } from './queue/worker.js';
import {
  dockerOptions,
  executorOptions,
  migrationsFolder,
  vaultAddress,
  vaultOptions,
} from './stint-options.js';
import type { Bell } from './store/listen.js';
import { openStore, type Store } from './store/store.js';
import { createIdentifyCaller } from './vault/caller.js';
import { connectVault, type VaultConnection } from './vault/client.js';
import { probeVault } from './vault/probe.js';
import { createVaultSecrets, type VaultSecrets } from './vault/secrets.js';

/** What queue and API stand on. */
export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly node: NodeState;
  readonly store: Store;
  readonly vault: VaultConnection;
  readonly secrets: VaultSecrets;
  readonly backend: DockerBackend;
}

/** Opens them in the order of their needs. Only Postgres must be there: for Vault and the engine jobs can wait. */
export async function openParts(config: Config, log: Log, closers: Closers): Promise<Parts> {
  const sealKey = config.sealKey && Buffer.from(config.sealKey.reveal(), 'base64');
  const node = await openNodeState(config.stateDirectory, { nodeId: config.nodeId, sealKey });
  const store = closers.add(await openStore(config.databaseUrl.reveal(), migrationsFolder()));
  const vault = closers.add(connectVault(vaultAddress(config.vault)));
  const secrets = closers.add(createVaultSecrets(vaultOptions(config.vault, log), vault));
  const backend = closers.add(await openDockerBackend(dockerOptions(config, node, log)));
  return { config, log, node, store, vault, secrets, backend };
}

/** The worker of this node and the bell that wakes it; it takes no job before it is started. */
export async function openWorker(
  parts: Parts,
  closers: Closers,
): Promise<{ readonly worker: Worker; readonly bell: Bell }> {
  const { config, log, node, store } = parts;
  const worker: Worker = new Worker({
    store,
    executor: executorParts(parts),
    sealKey: node.sealKey,
    node: node.nodeId,
    slots: config.slots,
    leaseMs: config.leaseMs,
    ringReady: () => bell.ringReady(),
    log,
  });
  const bell = closers.add(
    await store.listen({
      onReady: () => worker.wake(),
      onKill: (jobId) => worker.kill(jobId),
      onTrouble: (error) =>
        log.warn('could not ring the other nodes; they will look by themselves', { error }),
    }),
  );
  return { worker, bell };
}

function executorParts({ config, log, secrets, backend }: Parts): ExecutorParts {
  return {
    secrets,
    backend,
    readPayload,
    options: executorOptions(config),
    onBug: (error, jobId) => log.error('an error of our own ended a job', { error, jobId }),
  };
}

/** What the API is made of. A nudge goes to this node at once, and to the others through Postgres. */
export function appParts(parts: Parts, worker: Worker, bell: Bell): AppParts {
  const { config, log, node, store, vault, secrets, backend } = parts;
  const wake = () => {
    worker.wake();
    bell.ringReady();
  };
  const passKill = (jobId: string) => {
    worker.kill(jobId);
    bell.ringKill(jobId);
  };
  return {
    queue: createQueue({ store, secrets, backend, sealKey: node.sealKey, wake, passKill }),
    identify: createIdentifyCaller(vault, { cacheMs: callerCacheMs }),
    access: config.access,
    bodyLimitBytes: config.bodyLimitBytes,
    vault: config.vault,
    engineState: () => backend.engineState().catch(() => undefined),
    dependencies: [
      { name: 'Postgres', check: () => store.ping() },
      { name: 'Docker engine', check: () => backend.check() },
      { name: 'Vault', check: () => checkVault(vault) },
    ],
    isDraining: () => worker.draining,
    log,
  };
}

/** Clients poll once or twice a second: a revoked token is good for this much longer. */
const callerCacheMs = 3_000;

async function checkVault(vault: VaultConnection): Promise<void> {
  const health = await probeVault(vault);
  if (health === 'ok' || health === 'standby') return;
  throw new BrokenError('vault_unavailable', `Vault is ${health}.`);
}
