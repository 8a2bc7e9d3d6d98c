import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

/** A container of this installation that nobody answers for, and why it may go. */
export interface ReapCandidate {
  readonly containerId: string;
  readonly containerName: string;
  /** The job it was made for; undefined for one that was made to read an image. */
  readonly jobId: string | undefined;
  /** The node that made it. */
  readonly node: string;
  /** By the engine's own clock. */
  readonly ageMs: number;
  readonly reason: ReapReason;
}

/**
 * `job_ended`: the database says that its job is over. `job_unknown`: the database has not heard of its job, and it is
 * older than the grace. `helper_left`: made to read an image, older than the grace.
 */
export type ReapReason = 'job_ended' | 'job_unknown' | 'helper_left';

/** Removes what crashes left at this node's engine. */
export interface Reaper {
  /** Exactly what `run` would remove now; touches nothing. */
  dryRun(): Promise<ReapCandidate[]>;
  /** Removes it, each with an event, and returns what it removed. What cannot be removed waits for the next time. */
  run(): Promise<ReapCandidate[]>;
}

/** A container that the engine holds and that is surely ours. */
export interface OwnContainer {
  readonly id: string;
  readonly name: string;
  readonly jobId: string | undefined;
  readonly node: string;
  readonly ageMs: number;
}

export interface ReaperParts {
  readonly store: Pick<Store, 'readJobFates' | 'recordRemoval'>;
  readonly engine: {
    ownContainers(): Promise<readonly OwnContainer[]>;
    removeContainer(id: string): Promise<void>;
    /** Removes the files that dead processes left on this host. */
    sweepHostFiles(): Promise<void>;
  };
  readonly node: string;
  readonly graceMs: number;
  readonly log: WorkerLog;
}

/** Both calls throw `BrokenError` where the engine or Postgres is away: what nobody can tell is not removed. */
export function createReaper(parts: ReaperParts): Reaper {
  return {
    dryRun: () => findCandidates(parts),
    run: async () => {
      await parts.engine.sweepHostFiles();
      const removed = [];
      for (const candidate of await findCandidates(parts))
        if (await reap(parts, candidate)) removed.push(candidate);
      return removed;
    },
  };
}

/** The engine is asked first: the row of a job is there before its container, so what has none then has lost it. */
async function findCandidates({ store, engine, graceMs }: ReaperParts): Promise<ReapCandidate[]> {
  const containers = await engine.ownContainers();
  const ids = containers.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
  const fates = ids.length === 0 ? new Map<string, 'alive' | 'ended'>() : await store.readJobFates(ids);
  return containers.flatMap((container) => {
    const { id: containerId, name: containerName, ...rest } = container;
    const fate = container.jobId === undefined ? 'helper' : fates.get(container.jobId);
    const reason = reasonFor(fate, container.ageMs > graceMs);
    return reason === undefined ? [] : [{ containerId, containerName, ...rest, reason }];
  });
}

function reasonFor(fate: 'alive' | 'ended' | 'helper' | undefined, isOld: boolean): ReapReason | undefined {
  if (fate === 'alive') return undefined;
  if (fate === 'ended') return 'job_ended';
  if (!isOld) return undefined;
  return fate === 'helper' ? 'helper_left' : 'job_unknown';
}

/** One that cannot be removed is no reason to leave the others. */
async function reap({ store, engine, node, log }: ReaperParts, candidate: ReapCandidate): Promise<boolean> {
  const { containerId, containerName, jobId, node: maker, reason } = candidate;
  const detail = { name: containerName, node: maker, reason };
  try {
    const actor = `node:${node}`;
    await store.recordRemoval({ jobId, id: containerId, actor, detail });
    await engine.removeContainer(containerId);
    log.info('removed a container that was left behind', { jobId, container: containerName, reason });
    return true;
  } catch (error) {
    log.error('could not remove a container that was left behind; trying again', { ...detail, error });
    return false;
  }
}
