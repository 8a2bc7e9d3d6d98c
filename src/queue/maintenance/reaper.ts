// Finds and removes containers of this installation whose job has ended or is unknown.
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

/** A container of this installation that no active job owns, and why it may be removed. */
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
 * `job_ended`: its job has ended, by the database. `job_unknown`: the database has no such job, and the container is older
 * than the grace. `helper_left`: it was made to read an image, or kept ready for a job by a node that is not alive, and is older
 * than the grace.
 */
export type ReapReason = 'job_ended' | 'job_unknown' | 'helper_left';

/** Removes what crashes left at this node's engine. */
export interface Reaper {
  /** Returns exactly what `run` would remove now; changes nothing. */
  dryRun(): Promise<ReapCandidate[]>;
  /** Removes the candidates, each with an event, and returns them. One that cannot be removed is tried again next time. */
  run(): Promise<ReapCandidate[]>;
}

/** A container in the engine that certainly belongs to this installation. */
export interface OwnContainer {
  readonly id: string;
  readonly name: string;
  readonly jobId: string | undefined;
  /** A network that is kept ready for a job. */
  readonly isSpare: boolean;
  readonly node: string;
  readonly ageMs: number;
}

export interface ReaperParts {
  readonly store: Pick<Store, 'readJobFates' | 'recordRemoval' | 'listNodes'>;
  readonly engine: {
    ownContainers(): Promise<readonly OwnContainer[]>;
    removeContainer(id: string): Promise<void>;
    /** Removes the files that ended processes left on this host. */
    sweepHostFiles(): Promise<void>;
  };
  readonly node: string;
  readonly graceMs: number;
  /** A node without a heartbeat for so long is not alive. */
  readonly leaseMs: number;
  readonly log: WorkerLog;
}

/** Both calls throw `BrokenError` when the engine or Postgres is unavailable: without certainty nothing is removed. */
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

/** The engine is asked first. A job's row is stored before its container is made, so a container without a row has lost it. */
async function findCandidates(parts: ReaperParts): Promise<ReapCandidate[]> {
  const { store, engine, graceMs } = parts;
  const containers = await engine.ownContainers();
  const ids = containers.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
  const fates = ids.length === 0 ? new Map<string, 'alive' | 'ended'>() : await store.readJobFates(ids);
  const alive = await aliveNodes(parts, containers);
  return containers.flatMap((container) => {
    const { id: containerId, name: containerName, isSpare, ...rest } = container;
    if (isSpare && alive.has(container.node)) return [];
    const fate = container.jobId === undefined ? 'helper' : fates.get(container.jobId);
    const reason = reasonFor(fate, container.ageMs > graceMs);
    return reason === undefined ? [] : [{ containerId, containerName, ...rest, reason }];
  });
}

/** Asked only where it matters. This node is, whatever the list says. */
async function aliveNodes(
  { store, node, leaseMs }: ReaperParts,
  containers: readonly OwnContainer[],
): Promise<ReadonlySet<string>> {
  if (!containers.some(({ isSpare }) => isSpare)) return new Set();
  const nodes = await store.listNodes();
  return new Set([node, ...nodes.filter(({ silentMs }) => silentMs < leaseMs).map(({ id }) => id)]);
}

function reasonFor(fate: 'alive' | 'ended' | 'helper' | undefined, isOld: boolean): ReapReason | undefined {
  if (fate === 'alive') return undefined;
  if (fate === 'ended') return 'job_ended';
  if (!isOld) return undefined;
  return fate === 'helper' ? 'helper_left' : 'job_unknown';
}

/** Never throws, so that one container that cannot be removed does not keep the others. */
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
