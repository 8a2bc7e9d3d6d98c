import { createApp } from './api/app.js';
import { listen } from './api/server.js';
import { Closers } from './closers.js';
import type { Config } from './config.js';
import type { Log } from './log.js';
import { recoverNode } from './queue/recovery.js';
import { cleanUpTokens } from './queue/token-clean-up.js';
import type { Worker } from './queue/worker.js';
import { appParts, openParts, openWorker, type Parts } from './stint-parts.js';

/** A running server. Disposing ends it; `drain` before that lets its jobs finish. */
export interface Stint extends AsyncDisposable {
  /** Where the API answers, without a slash at the end. */
  readonly url: string;
  readonly nodeId: string;
  /** Takes no more jobs and waits for the running ones, up to the drain timeout. The API answers meanwhile. */
  drain(): Promise<void>;
  /** Stops the running jobs now: what a second signal asks for. */
  hurry(): void;
}

/**
 * Puts the parts together and starts them: what this node keeps, Postgres, Vault, the engine, the queue with its
 * worker, the API. Where one cannot start, those before it are ended again. Throws `BrokenError` when Postgres is away
 * or cannot be used; where Vault or the engine is away it starts, jobs wait, and `/readyz` says for what.
 */
export async function startStint(config: Config, log: Log): Promise<Stint> {
  const closers = new Closers();
  try {
    return await start(await openParts(config, log, closers), closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(parts: Parts, closers: Closers): Promise<Stint> {
  const { config, node } = parts;
  const { worker, bell } = await openWorker(parts, closers);
  const work = closers.add(beginWork(parts, worker));
  closers.add(beginTokenCleanUp(parts));
  const server = await listen(createApp(appParts(parts, worker, bell)), config);
  closers.add({ [Symbol.asyncDispose]: () => server.close() });
  return {
    url: server.address,
    nodeId: node.nodeId,
    drain: () => work.end(config.drainTimeoutMs),
    hurry: () => worker.hurry(),
    [Symbol.asyncDispose]: () => closers.close(),
  };
}

interface Work extends AsyncDisposable {
  end(timeoutMs: number): Promise<void>;
}

/** Settles what an earlier life of this node left, then takes jobs. */
function beginWork({ store, node, backend, log }: Parts, worker: Worker): Work {
  const stop = new AbortController();
  const removeContainers = () => backend.removeLeftovers();
  const begin = async () => {
    await recoverNode({ store, node: node.nodeId, removeContainers, log }, stop.signal);
    if (!stop.signal.aborted) worker.start();
  };
  const recovered = begin().catch((error: unknown) => log.error('this node takes no jobs', { error }));
  const end = async (timeoutMs: number) => {
    stop.abort();
    await recovered;
    await worker.drain(timeoutMs);
  };
  return { end, [Symbol.asyncDispose]: () => end(0) };
}

function beginTokenCleanUp({ secrets: { server }, store, node, log }: Parts): AsyncDisposable {
  if (server === undefined) return { [Symbol.asyncDispose]: async () => undefined };
  const tell = async () => log.info(await server.check()); // It never throws.
  void tell();
  const revoke = (accessor: string) => server.revokeByAccessor(accessor);
  return cleanUpTokens({ store, node: node.nodeId, revoke, log });
}
