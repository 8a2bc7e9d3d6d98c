import { cleanUpTokens, type TokenCleanUp } from '../queue/maintenance/token-clean-up.js';
import { watchLine } from '../queue/maintenance/waiting-jobs.js';
import { Watch } from '../queue/takeover/dead-nodes.js';
import { recoverNode } from '../queue/takeover/recovery.js';
import type { Worker } from '../queue/worker/worker.js';
import type { Bell } from '../store/postgres/listen.js';
import { type Parts, wakeAll } from './parts.js';

/** What a node does with jobs, from its start to its end. Disposing stops the running ones. */
export interface Work extends AsyncDisposable {
  /** Takes no more jobs. `left`: some run on, to be adopted by the next life, so nothing may be disposed of. */
  finish(): Promise<'finished' | 'left'>;
  /** Does not wait for the running jobs. */
  leave(): void;
}

/** How long a second signal waits for a job that has spent its credentials and does not run yet. */
const secondSignalMs = 3_000;

/** Takes over what an earlier life of this node left, then takes jobs. */
export function beginWork({ config, store, node, backend, engine, log }: Parts, worker: Worker): Work {
  const stop = new AbortController();
  const { nodeId } = node;
  const removeContainers = (keep: (jobId: string) => boolean) => backend.removeLeftovers(keep);
  const begin = async () => {
    worker.appear();
    void engine.ask().then(() => worker.appear());
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
      if (config.onShutdown === 'leave') worker.leave(config.drainTimeoutMs);
      return worker.finish(config.drainTimeoutMs);
    },
    leave: () => worker.leave(secondSignalMs),
    [Symbol.asyncDispose]: async () => {
      await end();
      await worker.drain(0);
    },
  };
}

/** Looks after the jobs of nodes that are gone. */
export function watchNodes(
  { config, store, node, backend, engine, log }: Parts,
  worker: Worker,
  bell: Bell,
  tokens: TokenCleanUp,
): Watch {
  return new Watch({
    store,
    node: node.nodeId,
    leaseMs: config.leaseMs,
    graceMs: config.lostGraceMs,
    holdMs: config.holdLimitMs,
    engineId: () => engine.ask(),
    removeJob: (jobId) => backend.removeJob(jobId),
    onLost: () => tokens.now(),
    wake: () => wakeAll(worker, bell),
    log,
  });
}

/** Looks after jobs that wait, and after kills that nobody heard. */
export function watchQueues({ store, node, log }: Parts, worker: Worker, bell: Bell): AsyncDisposable {
  return watchLine({
    store,
    node: node.nodeId,
    wake: () => wakeAll(worker, bell),
    kill: (jobId) => worker.kill(jobId),
    log,
  });
}

/** Revokes the tokens that ended jobs left alive, where the server may. */
export function beginTokenCleanUp({ secrets: { server }, store, node, log }: Parts): TokenCleanUp {
  if (server === undefined) return { now: () => undefined, [Symbol.asyncDispose]: async () => undefined };
  const tell = async () => log.info(await server.check()); // It never throws.
  void tell();
  const revoke = (accessor: string) => server.revokeByAccessor(accessor);
  return cleanUpTokens({ store, node: node.nodeId, revoke, log });
}
