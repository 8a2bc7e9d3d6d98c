// The contract for what is asked of the programs of running jobs: signals, and what they use.

import type { ProcessUsage } from '../job/options/usage.js';
import type { Reach } from '../job/owner.js';

/** Both refuse with `not_found`, also when the job is out of reach. */
export interface Processes {
  /**
   * Sends a signal to the program of a job that runs, whichever node runs it: at once on this one, by a notification on
   * another. A job that does not run gets none, and a node that does not listen just then does not send it.
   */
  signal(id: string, reach: Reach, signal: number): Promise<void>;
  /** Undefined for a job that does not run, or runs on another node. */
  usage(id: string, reach: Reach): Promise<ProcessUsage | undefined>;
}
