// Starts what a node does with jobs: recovery, worker, sweeps and token clean-up.
import { cleanUpTokens, type TokenCleanUp } from '../queue/maintenance/token-clean-up.js';
import { sweepWaitingJobs } from '../queue/maintenance/waiting-jobs.js';
import { keepLogins } from '../queue/parents/login-keeper.js';
import { DeadNodeSweep } from '../queue/takeover/dead-nodes.js';
import { recoverNode } from '../queue/takeover/recovery.js';
import type { Worker } from '../queue/worker/worker.js';
import type { Notifier } from '../store/postgres/listen.js';
import { type Parts, wakeAll } from './parts.js';

/** What a node does with jobs, from its start to its end. Disposing stops the running ones. */
export interface NodeWork extends AsyncDisposable {
  /** Claims no more jobs. `detached`: some still run, for the next process to adopt, so nothing may be disposed of. */
  finish(): Promise<'finished' | 'detached'>;
  /** Ends `finish` early: does not wait for the running jobs. */
  detach(): void;
}

/** How long a second signal waits for a job that has spent its credentials but does not run yet. */
const secondSignalMs = 3_000;

/** Takes over what the previous process of this node left, then claims jobs. */
export function startNodeWork(
  { config, store, node, backend, engine, log }: Parts,
  worker: Worker,
): NodeWork {
  const stop = new AbortController();
  const { nodeId } = node;
  const removeContainers = (keep: (jobId: string) => boolean) => backend.removeLeftovers(keep);
  const begin = async () => {
    worker.startHeartbeat();
    void engine.ask().then(() => worker.startHeartbeat());
    const adopted = await recoverNode(
      { store, node: nodeId, leaseMs: config.leaseMs, removeContainers, log },
      stop.signal,
    );
    if (!stop.signal.aborted) worker.start(adopted);
  };
  const recovered = begin().catch((error: unknown) => log.error('this node takes no jobs', { error }));
  const end = async () => {
    stop.abort();
    await recovered;
  };
  return {
    finish: async () => {
      await end();
      if (config.onShutdown === 'leave') worker.detach(config.drainTimeoutMs);
      return worker.finish(config.drainTimeoutMs);
    },
    detach: () => worker.detach(secondSignalMs),
    [Symbol.asyncDispose]: async () => {
      await end();
      await worker.drain(0);
    },
  };
}

/** Starts the sweep over the jobs of dead nodes. */
export function startDeadNodeSweep(
  { config, store, node, backend, engine, log }: Parts,
  worker: Worker,
  notifier: Notifier,
  tokens: TokenCleanUp,
): DeadNodeSweep {
  return new DeadNodeSweep({
    store,
    node: node.nodeId,
    leaseMs: config.leaseMs,
    graceMs: config.lostGraceMs,
    holdMs: config.holdLimitMs,
    engineId: () => engine.ask(),
    removeJob: (jobId) => backend.removeJob(jobId),
    onLost: () => tokens.now(),
    wake: () => wakeAll(worker, notifier),
    log,
  });
}

/** Starts the sweep over waiting jobs and over kills whose notification was missed. */
export function startWaitingJobsSweep(
  { store, node, log }: Parts,
  worker: Worker,
  notifier: Notifier,
): AsyncDisposable {
  return sweepWaitingJobs({
    store,
    node: node.nodeId,
    wake: () => wakeAll(worker, notifier),
    kill: (jobId) => worker.kill(jobId),
    log,
  });
}

/** Starts the renewals of the logins that parents keep. */
export function startLoginKeeper({ store, node, secrets, log }: Parts): AsyncDisposable {
  return keepLogins({ store, sealKey: node.sealKey, secrets, log });
}

/** Revokes tokens of ended jobs that are still valid. Does nothing where the server has no login of its own. */
export function startTokenCleanUp({ secrets: { server }, store, node, log }: Parts): TokenCleanUp {
  if (server === undefined) return { now: () => undefined, [Symbol.asyncDispose]: async () => undefined };
  const logCheck = async () => log.info(await server.check()); // It never throws.
  void logCheck();
  const revoke = (accessor: string) => server.revokeByAccessor(accessor);
  return cleanUpTokens({ store, node: node.nodeId, revoke, log });
}
