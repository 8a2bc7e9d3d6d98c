import { createApp } from '../api/app.js';
import { listen } from '../api/http/server.js';
import type { Config } from '../config/config.js';
import { Closers } from './closers.js';
import type { Log } from './log.js';
import { startMaintenance } from './maintenance.js';
import { appParts, openParts, openWorker, type Parts } from './parts.js';
import { startDeadNodeSweep, startNodeWork, startTokenCleanUp, startWaitingJobsSweep } from './work.js';

/** A running server. Disposing ends it and stops its jobs; `drain` before that lets them finish. */
export interface Stint extends AsyncDisposable {
  /** Where the API answers, without a slash at the end. */
  readonly url: string;
  readonly nodeId: string;
  /**
   * Takes no more jobs and waits for the running ones, up to the drain timeout; the API answers meanwhile. `detached`: jobs
   * run on without us. Then the process must end at once and dispose of nothing, so that its next life can adopt them.
   */
  drain(): Promise<'finished' | 'detached'>;
  /** Waits no longer: what a second signal asks for. */
  detach(): void;
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
  const { worker, notifier, breaker } = await openWorker(parts, closers);
  const work = closers.add(startNodeWork(parts, worker));
  const tokens = closers.add(startTokenCleanUp(parts));
  closers.add(startDeadNodeSweep(parts, worker, notifier, tokens));
  closers.add(startWaitingJobsSweep(parts, worker, notifier));
  for (const round of startMaintenance(parts)) closers.add(round);
  const server = await listen(createApp(appParts(parts, worker, notifier, breaker)), config);
  closers.add({ [Symbol.asyncDispose]: () => server.close() });
  return {
    url: server.address,
    nodeId: node.nodeId,
    drain: async () => {
      const end = await work.finish();
      if (end === 'detached') await server.close(closingMs);
      return end;
    },
    detach: () => work.detach(),
    [Symbol.asyncDispose]: () => closers.close(),
  };
}

/** For the answers that are under way when running jobs are left. */
const closingMs = 500;
