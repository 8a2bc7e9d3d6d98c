// Starts a whole server in the right order, and ends what was started when a later part fails.
import { createApp, isWebSocketPath } from '../api/app.js';
import { listen } from '../api/http/server.js';
import type { Config } from '../config/config.js';
import { Closers } from './closers.js';
import type { Log } from './log.js';
import { startMaintenance } from './maintenance.js';
import { appParts, openParts, openWork, type Parts } from './parts.js';
import {
  startDeadNodeSweep,
  startLoginKeeper,
  startNodeWork,
  startTokenCleanUp,
  startWaitingJobsSweep,
} from './work.js';

/** A running server. Disposing ends it and stops its jobs; call `drain` first to let them finish. */
export interface Stint extends AsyncDisposable {
  /** Where the API answers, without a slash at the end. */
  readonly url: string;
  readonly nodeId: string;
  /**
   * Takes no more jobs and waits for the running ones, up to the drain timeout; the API answers meanwhile. `detached`: jobs
   * are still running. Then the process must end at once and dispose of nothing, so that the next process can adopt them.
   */
  drain(): Promise<'finished' | 'detached'>;
  /** Ends `drain` early by detaching the running jobs; called on a second signal. */
  detach(): void;
}

/**
 * Opens and starts the parts in order: node state, Postgres, Vault, the engine, the queue with its worker, the API. When
 * one cannot start, those before it are closed again. Throws `BrokenError` when Postgres is unavailable or cannot be used.
 * So it does where the engine is one on which jobs can never run. When Vault or the engine is unavailable the server starts all the same; jobs wait, and `/readyz` says for what.
 */
export async function startStint(config: Config, log: Log): Promise<Stint> {
  const closers = new Closers();
  try {
    const parts = await openParts(config, log, closers);
    await parts.backend.refuseUnsupported();
    return await start(parts, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(parts: Parts, closers: Closers): Promise<Stint> {
  const { config, node } = parts;
  const running = await openWork(parts, closers);
  const { worker, notifier, parents } = running;
  const work = closers.add(startNodeWork(parts, worker));
  const tokens = closers.add(startTokenCleanUp(parts));
  closers.add(startDeadNodeSweep(parts, worker, notifier, tokens));
  closers.add(startWaitingJobsSweep(parts, worker, notifier));
  parents.start();
  closers.add(startLoginKeeper(parts));
  for (const task of startMaintenance(parts)) closers.add(task);
  const app = appParts(parts, running);
  const webSockets = { isPath: (path: string) => isWebSocketPath(app, path), log: app.log };
  const onBadCertificate = (problem: string) =>
    app.log.warn('kept the certificate that is in use', { problem });
  const onFull = (reason: string) => app.log.warn('closed connections of clients', { reason });
  const server = await listen(createApp(app), { ...config, webSockets, onBadCertificate, onFull });
  closers.add({ [Symbol.asyncDispose]: () => server.close() });
  return {
    url: server.address,
    nodeId: node.nodeId,
    drain: async () => {
      const end = await work.finish();
      if (end === 'detached') await server.close(serverCloseMs);
      return end;
    },
    detach: () => work.detach(),
    [Symbol.asyncDispose]: () => closers.close(),
  };
}

/** Time for API responses that are being sent when running jobs are detached. */
const serverCloseMs = 500;
