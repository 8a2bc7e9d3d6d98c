// The contract of the history by name: the latest run of each job that LOPCO's clients know by a name of their own.

import type { Job } from '../job/job.js';
import type { Reach } from '../job/owner.js';

/** Only of jobs that have ended. A name that was used again stands for its latest run. */
export interface JobHistory {
  /** Undefined: none within reach. */
  latest(name: string, reach: Reach): Promise<Job | undefined>;
  /** All names, the latest first; of very many the `limit` latest. */
  names(reach: Reach, limit: number): Promise<readonly string[]>;
}
