// Opens the parts of a server (store, Vault, engine, worker, API) and connects them to each other.
import { hkdfSync } from 'node:crypto';
import { plannersOf } from '../api/app.js';
import { parsePayload } from '../api/gostint/payload.js';
import { CallerTurns } from '../api/http/caller-turns.js';
import { LongAnswers } from '../api/http/long-answers.js';
import type { AppParts, PlannerParts } from '../api/parts.js';
import type { Config } from '../config/config.js';
import { openDockerBackend } from '../docker/backend.js';
import type { DockerBackend } from '../docker/engine-backend.js';
import type { ExecutorParts } from '../executor/run.js';
import { BrokenError } from '../job/errors.js';
import { policiesOf } from '../job/options/rules.js';
import { MemoryBudget } from '../job/payload/memory-budget.js';
import { Alarms } from '../queue/maintenance/alarms.js';
import { PrivateImages } from '../queue/maintenance/private-images.js';
import { PulledImages } from '../queue/maintenance/pulled-images.js';
import { createReaper, type Reaper } from '../queue/maintenance/reaper.js';
import { Removed } from '../queue/maintenance/retention.js';
import { Parents } from '../queue/parents/parents.js';
import { createWhereabouts } from '../queue/rights/stored-whereabouts.js';
import { createOperations } from '../queue/service/operator-service.js';
import { createProcesses, takeSignal } from '../queue/service/process-service.js';
import { createQueue } from '../queue/service/queue-service.js';
import { createJobHistory, createRegistry } from '../queue/service/registry-service.js';
import { createStreams } from '../queue/streams/stream-service.js';
import type { Streams } from '../queue/streams.js';
import { ClaimBreaker } from '../queue/worker/claim-breaker.js';
import { Worker } from '../queue/worker/worker.js';
import type { Notifier } from '../store/postgres/listen.js';
import { openStore, type Store } from '../store/store.js';
import { connectVault, type VaultConnection } from '../vault/client/client.js';
import { probeVault } from '../vault/client/probe.js';
import { createVaultSecrets, type VaultSecrets } from '../vault/secrets.js';
import { createIdentifyCaller } from '../vault/server-login/caller.js';
import { createAskCapabilities } from '../vault/server-login/capabilities.js';
import type { Closers } from './closers.js';
import { openDatabaseAddress } from './database-address.js';
import { EngineId } from './engine-id.js';
import type { Log } from './log.js';
import { type NodeState, openNodeState } from './node-state.js';
import {
  dockerOptions,
  executorOptions,
  migrationsFolder,
  programVersion,
  vaultAddress,
  vaultOptions,
  warnOfOpenQueues,
} from './options.js';

/** The opened parts that queue and API are built on. */
export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly node: NodeState;
  readonly store: Store;
  readonly vault: VaultConnection;
  readonly secrets: VaultSecrets;
  readonly backend: DockerBackend;
  readonly engine: EngineId;
  readonly alarms: Alarms;
  readonly removed: Removed;
}

/** Opens the parts in the order of their dependencies. Only Postgres must be available: jobs can wait for the others. */
export async function openParts(config: Config, log: Log, closers: Closers): Promise<Parts> {
  const sealKey = config.sealKey && Buffer.from(config.sealKey.reveal(), 'base64');
  const node = await openNodeState(config.stateDirectory, { nodeId: config.nodeId, sealKey });
  const vault = closers.add(connectVault(vaultAddress(config.vault)));
  const address = await openDatabaseAddress({ config, vault, log }, closers);
  const store = closers.add(await openStore(address, migrationsFolder()));
  const secrets = closers.add(createVaultSecrets(vaultOptions(config.vault, log), vault));
  const engine = new EngineId(() => backend.engineState());
  const engineId = () => engine.ask();
  const pullRecorder = new PulledImages({ store, engineId, log });
  const privateImages = new PrivateImages({ store, engineId });
  const options = { ...dockerOptions(config, node, log), pullRecorder, privateImages };
  const backend: DockerBackend = closers.add(await openDockerBackend(options));
  const counts = { alarms: new Alarms(log), removed: new Removed() };
  return { config, log, node, store, vault, secrets, backend, engine, ...counts };
}

/** What claims and runs jobs on this node. */
export interface Work {
  readonly worker: Worker;
  readonly notifier: Notifier;
  readonly breaker: ClaimBreaker;
  readonly parents: Parents;
}

/** Opens the worker of this node and the notifier that wakes it. The worker claims no job before it is started. */
export async function openWork(parts: Parts, closers: Closers): Promise<Work> {
  const { config, log, node, store, engine, alarms } = parts;
  const version = programVersion();
  const parents: Parents = closers.add(
    new Parents({
      store,
      sealKey: node.sealKey,
      waitingLimits: config.waitingLimits,
      planners: plannersOf(plannerParts(parts)),
      node: node.nodeId,
      wake: () => wakeAll(worker, notifier),
      forwardKill: (jobId) => killEverywhere(worker, notifier, jobId),
      revoke: async (login, onRevoked) => parts.secrets.adopt(login, { onRevoked })[Symbol.asyncDispose](),
      alarms,
      log,
    }),
  );
  const breaker = closers.add(createBreaker(parts, () => worker.wake()));
  const worker: Worker = new Worker({
    store,
    executor: executorParts(parts),
    sealKey: node.sealKey,
    node: node.nodeId,
    describe: () => ({ version, engineId: engine.id }),
    slots: config.slots,
    ownerSlots: config.ownerSlots,
    leaseMs: config.leaseMs,
    holdLimitMs: config.holdLimitMs,
    outputRoot: config.jobproxy.outputRoot,
    breaker,
    memory: new MemoryBudget(config.workMemoryBytes / 2),
    alarms,
    notifyReady: () => notifier.notifyReady(),
    onChildChanged: (parent) => parents.carryOnSoon(parent),
    log,
  });
  const notifier = closers.add(
    await store.listen({
      onReady: () => {
        worker.wake();
        worker.ringInput();
      },
      onInput: (jobId) => worker.ringInput(jobId),
      onKill: (jobId) => worker.kill(jobId),
      onSignal: (jobId, signal) => {
        takeSignal({ ...parts, node: node.nodeId }, jobId, signal).catch((error: unknown) =>
          log.warn('could not signal a job', { jobId, error }),
        );
      },
      onFailure: (error) =>
        log.warn('could not notify the other nodes; their periodic sweep finds it', { error }),
    }),
  );
  return { worker, notifier, breaker, parents };
}

/** Postgres is not among the guarded parts: while it is unavailable no claim succeeds anyway. */
function createBreaker({ backend, vault, log }: Parts, onClose: () => void): ClaimBreaker {
  return new ClaimBreaker({
    parts: [
      { name: 'engine', code: 'engine_unavailable', check: () => backend.check() },
      { name: 'vault', code: 'vault_unavailable', check: () => checkVault(vault) },
    ],
    onClose,
    log,
  });
}

function executorParts({ config, log, secrets, backend }: Parts): ExecutorParts {
  warnOfOpenQueues(config, log);
  return {
    secrets,
    backend,
    parsePayload,
    options: executorOptions(config),
    onBug: (error, jobId) => log.error('an internal error ended a job', { error, jobId }),
  };
}

/** Reaches this node at once, and the others through Postgres. */
function killEverywhere(worker: Worker, notifier: Notifier, jobId: string): void {
  worker.kill(jobId);
  notifier.notifyKill(jobId);
}

/** A job may run now, here or on another node. */
export function wakeAll(worker: Worker, notifier: Notifier): void {
  worker.wake();
  notifier.notifyReady();
}

/** Removes what crashes left at this node's engine. */
export function reaperOf({ config, log, node, store, backend }: Parts): Reaper {
  const { reapGraceMs: graceMs, leaseMs } = config;
  return createReaper({ store, engine: backend, node: node.nodeId, graceMs, leaseMs, log });
}

/** The parts of the API. */
export function appParts(parts: Parts, { worker, notifier, breaker, parents }: Work): AppParts {
  const { config, log, node, store, vault, secrets, backend } = parts;
  const wake = () => wakeAll(worker, notifier);
  return {
    ...plannerParts(parts),
    queue: createQueue({
      ...queueSettings(config),
      store,
      secrets,
      backend,
      sealKey: node.sealKey,
      parents,
      alarms: parts.alarms,
      wake,
      forwardKill: (jobId) => killEverywhere(worker, notifier, jobId),
    }),
    history: createJobHistory(store),
    operations: createOperations({
      store,
      leaseMs: config.leaseMs,
      killGraceMs: config.stopGraceMs + killMarginMs,
      blocker: () => breaker.blockers().find(({ reason }) => reason !== undefined)?.reason,
      wake,
    }),
    reaper: reaperOf(parts),
    doors: config.doors,
    serviceToken: config.serviceToken,
    jobproxy: config.jobproxy,
    ...rightsParts(parts),
    policyFor: policiesOf(config.job.policy, config.job.rules),
    ...requestLimits(config),
    processes: createProcesses({
      store,
      backend,
      node: node.nodeId,
      forwardSignal: (jobId, signal) => notifier.notifySignal(jobId, signal),
    }),
    streams: streamsOf(parts, { worker, notifier }),
    vault: config.vault,
    engineState: () => backend.engineState().catch(() => undefined),
    dependencies: [
      { name: 'Postgres', check: () => store.ping() },
      { name: 'Docker engine', check: () => backend.check() },
      { name: 'Vault', check: () => checkVault(vault) },
    ],
    isDraining: () => worker.draining,
    isShuttingDown: () => worker.isShuttingDown,
    blockers: () => breaker.blockers(),
    alarms: () => parts.alarms.counts,
    removedJobs: () => parts.removed.jobs,
    log,
  };
}

function streamsOf({ store, node }: Parts, { worker, notifier }: Pick<Work, 'worker' | 'notifier'>): Streams {
  const ringInput = (jobId: string) => {
    worker.ringInput(jobId);
    notifier.notifyInput(jobId);
  };
  return createStreams({ store, sealKey: node.sealKey, ringInput });
}

/** What tells who is calling, and who may do what. */
function rightsParts({ config, store, vault }: Parts) {
  const { operatorPolicies, rightsPath, submitNeedsRight } = config;
  return {
    operatorPolicies,
    rightsPath,
    submitNeedsRight,
    identify: createIdentifyCaller(vault, { cacheMs: callerCacheMs, budget: config.badTokens }),
    capabilities: createAskCapabilities(vault, { cacheMs: callerCacheMs }),
    whereabouts: createWhereabouts(store),
  };
}

function requestLimits({ bodyLimitBytes, workMemoryBytes, longAnswers, callerTurns }: Config) {
  return {
    bodyLimitBytes,
    memory: new MemoryBudget(workMemoryBytes / 2),
    longAnswers: new LongAnswers(longAnswers),
    callerTurns: new CallerTurns(callerTurns),
  };
}

function queueSettings({ keyTtlMs, queueLimit, waitingLimits, wrapMinimumMs }: Config) {
  return { keyTtlMs, queueLimit, waitingLimits, wrapMinimumMs };
}

function plannerParts({ config, node, store }: Parts): PlannerParts {
  const { runai, gaffer, access } = config;
  const lopco = { ...config.lopco, callbackKey: callbackKeyOf(node.sealKey) };
  return { runai, gaffer, access, lopco, registry: createRegistry(store), drawPid: () => store.drawPid() };
}

/** Derived, so that all nodes agree: a worker may call back at another node than the one that started it. */
function callbackKeyOf(sealKey: Buffer): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', sealKey, '', 'stint call-back of a worker', 32));
}

/** Added to the stop grace: how long an engine may take to carry out a kill before an operator may finalise the job. */
const killMarginMs = 2_000;

/** Clients poll once or twice a second, so callers and rights are cached: what is revoked counts for this much longer. */
const callerCacheMs = 3_000;

async function checkVault(vault: VaultConnection): Promise<void> {
  const health = await probeVault(vault);
  if (health === 'ok' || health === 'standby') return;
  throw new BrokenError('vault_unavailable', `Vault is ${health}.`);
}
