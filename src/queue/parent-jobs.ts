// The contract by which doors read and change parents: jobs that start other jobs.
import type { Job } from '../job/job.js';
import type { Reach } from '../job/owner.js';
import type { ParentView } from '../job/parents/planner.js';

/** A part of `Queue`. All refuse with `not_found`, also when the job is out of reach or no parent. */
export interface ParentJobs {
  /** A parent and its active children. An ended parent has neither fields nor plan any more, but its progress. */
  parent(id: string, reach: Reach): Promise<ParentView>;
  /** All children that are stored, oldest first; of very many the newest `mostListed`. */
  children(id: string, reach: Reach): Promise<readonly Job[]>;
  /** Changes a parent that has not ended, and carries it on; refuses an ended one with `conflict`. */
  revise(id: string, reach: Reach, revision: Revision): Promise<void>;
}

/** A change that a client asks for. */
export interface Revision {
  /** The kind of the event in the parent's history. */
  readonly kind: string;
  /** The owner key of who asks. */
  readonly actor: string;
  /**
   * What is to be stored instead; undefined: nothing changes. It is called again where something else changed the parent
   * meanwhile. What it throws is thrown on.
   */
  readonly change: (view: ParentView) => { readonly progress?: unknown; readonly plan?: unknown } | undefined;
}
