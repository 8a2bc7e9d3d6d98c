// The contract for finding out in which queues jobs are, whoever they belong to: which right decides.

import type { JobName } from '../../job/job.js';
import type { QueueName } from '../../job/rights/rights.js';

/** Asks nothing of who is in reach, so nothing of it may be told to a caller. */
export interface Whereabouts {
  /** Undefined: there is no such job. */
  queueOf(id: string): Promise<QueueName | undefined>;
  /** The jobs that a door lists under a name, newest first; of very many the newest. */
  named(name: JobName): Promise<readonly PlacedJob[]>;
  /** The first `mostQueues` names of queues. */
  queues(): Promise<readonly string[]>;
}

export interface PlacedJob {
  readonly id: string;
  readonly queue: QueueName;
}

/** Vault needs about a millisecond for each path. */
export const mostQueues = 200;
