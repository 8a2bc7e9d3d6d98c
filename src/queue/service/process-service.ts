// Signals to the programs of running jobs, and what they use: here, or by way of the node that runs them.
import type { Backend } from '../../executor/backend.js';
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Store } from '../../store/store.js';
import type { Processes } from '../processes.js';

export interface ProcessServiceParts {
  readonly store: Pick<Store, 'findJob'>;
  readonly backend: Pick<Backend, 'signal' | 'usage'>;
  /** This node's id. */
  readonly node: string;
  /** Tells the other nodes. */
  readonly forwardSignal: (jobId: string, signal: number) => void;
}

export function createProcesses(parts: ProcessServiceParts): Processes {
  return {
    signal: async (id, reach, signal) => {
      const job = await find(parts, id, reach);
      if (isHere(parts, job)) await parts.backend.signal(job.containerId, signal);
      else if (job.state === 'running') parts.forwardSignal(id, signal);
    },
    usage: async (id, reach) => {
      const job = await find(parts, id, reach);
      if (!isHere(parts, job)) return undefined;
      return await parts.backend.usage(job.containerId).catch(() => undefined);
    },
  };
}

/** Another node was asked to signal this job, which may run here. */
export async function takeSignal(
  parts: Omit<ProcessServiceParts, 'forwardSignal'>,
  id: string,
  signal: number,
): Promise<void> {
  const found = await parts.store.findJob(id, { everyone: true });
  if (found !== undefined && isHere(parts, found.job))
    await parts.backend.signal(found.job.containerId, signal);
}

async function find({ store }: Pick<ProcessServiceParts, 'store'>, id: string, reach: Reach): Promise<Job> {
  const found = await store.findJob(id, reach);
  if (found !== undefined) return found.job;
  throw new RefusedError('not_found', 'not found');
}

function isHere(
  { node }: Pick<ProcessServiceParts, 'node'>,
  job: Job,
): job is Job & { readonly containerId: string } {
  return job.state === 'running' && job.node === node && job.containerId !== undefined;
}
