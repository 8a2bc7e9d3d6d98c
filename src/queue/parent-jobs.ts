// The contract by which doors read and change parents: jobs that start other jobs.
import type { Job } from '../job/job.js';
import type { Reach } from '../job/owner.js';
import type { ParentView } from '../job/parents/planner.js';

/** Where the runs of a parent are. */
export interface Place {
  /** Of its active runs, each once; of the last run, where none is active. */
  readonly nodes: readonly string[];
  /** Runs whose container runs. */
  readonly running: number;
}

/** A part of `Queue`. Who names a job is refused with `not_found`, also when it is out of reach or no parent. */
export interface ParentJobs {
  /** A parent and its active children. An ended parent has neither fields nor plan any more, but its progress. */
  parent(id: string, reach: Reach): Promise<ParentView>;
  /** All children that are stored, oldest first; of very many the newest `mostListed`. */
  children(id: string, reach: Reach): Promise<readonly Job[]>;
  /** Of those of these jobs that are parents under way; of one without a run there is none. Asks nothing of who is in reach. */
  placesOf(jobs: readonly Job[]): Promise<ReadonlyMap<string, Place>>;
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
