// The contract of the queue that the doors call, and the shapes that it answers with.
import type { Door, Job, JobName, JobRequest } from '../job/job.js';
import type { Caller, Reach } from '../job/owner.js';
import type { JobState } from '../job/state.js';
import type { ParentJobs } from './parent-jobs.js';

/** The only interface that the doors use. Ids are in their stored form (`parseJobId`). */
export interface Queue extends ParentJobs {
  /**
   * Checks the request, reads the cubbyhole, stores the job. A refused request has spent nothing. With an idempotency
   * key this happens once: a repeat of the same request gets the same answer, a different request is refused. What the caller
   * may see of others in its queue, the forecast tells; without `reach` nothing.
   */
  submit(request: JobRequest, idempotencyKey?: string, reach?: Reach): Promise<SubmittedJob>;
  /** Refuses with `not_found`, also when the job is out of reach: a foreign job must look like a missing one. */
  get(id: string, reach: Reach): Promise<Job>;
  /** The stored output; `tailBytes` asks for the end only. */
  output(id: string, reach: Reach, options?: { tailBytes?: number }): Promise<JobOutput>;
  /** All of the stored output, to be answered: whole where it is short. */
  openOutput(id: string, reach: Reach): Promise<OpenedOutput>;
  /** The listed job of this name; refuses like `get`. */
  find(name: JobName, reach: Reach): Promise<Job>;
  /** Newest first. */
  list(filter: JobFilter, reach: Reach): Promise<JobPage>;
  /** All jobs that a door lists, newest first; of very many the newest `mostListed`. */
  listed(filter: ListedFilter, reach: Reach): Promise<readonly Job[]>;
  /** Records the kill, with a reason where there is one, and forwards it. Returns the job as it was before; has no effect on an ended job. */
  kill(id: string, reach: Reach, caller: Caller, reason?: string): Promise<Job>;
  /**
   * Kills a job that has not ended, and takes it off the lists of its own door. The job itself stays, for the other doors
   * and for history. May be repeated.
   */
  unlist(id: string, reach: Reach, caller: Caller): Promise<void>;
  /** Removes a waiting or ended job with its output; refuses `conflict` while it is active. Its events stay. */
  delete(id: string, reach: Reach, caller: Caller): Promise<void>;
  /** Number of stored jobs by state; `failed` is split by reason. */
  counts(): Promise<readonly JobCount[]>;
}

/** A job as it was when it was stored. */
export interface SubmittedJob extends Job {
  /** True: it was stored by an earlier request with the same idempotency key. */
  readonly isReplay?: true;
  /** Reasons why the stored job may never run, one sentence each. */
  readonly warnings?: readonly string[];
}

export interface JobFilter {
  readonly skip: number;
  /** 1 to 100. */
  readonly limit: number;
  readonly queue?: string;
  /** Only jobs that this door took and still lists. */
  readonly door?: Door;
  readonly project?: string;
  readonly states?: readonly StateFilter[];
}

export type ListedFilter = Required<Pick<JobFilter, 'door'>> & Pick<JobFilter, 'project'>;

/** So many jobs are a list of a few megabytes. */
export const mostListed = 5_000;

/** A door's status word may stand for several states, or for one reason of `failed`. */
export interface StateFilter {
  readonly state: JobState;
  /** Only jobs that failed for this reason. */
  readonly reason?: string;
  /** Only jobs that did not fail for this reason. */
  readonly exceptReason?: string;
}

export interface JobPage {
  readonly jobs: readonly (Job & { readonly output: JobOutput })[];
  readonly total: number;
}

export interface JobCount {
  readonly state: JobState;
  readonly reason: string | undefined;
  readonly count: number;
}

/**
 * What a job printed: the original bytes, except for masked secrets and for characters of which a part was dropped or is
 * still to come.
 */
export interface JobOutput {
  /**
   * Both streams in the order of arrival; a character stands where its last byte arrived. A marker line stands where
   * bytes were dropped.
   */
  readonly combined: Uint8Array;
  /** Without marker lines. Put together when it is read: most doors show both streams in one. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Bytes between the kept head and the kept tail that were not kept. */
  readonly droppedBytes: number;
  /** False when output may be missing; `incompleteReason` says why. */
  readonly complete: boolean;
  readonly incompleteReason: string | undefined;
}

export type OutputStream = 'combined' | 'stdout' | 'stderr';

/** A short output as a whole; a long one is read in pieces while it is answered. */
export type OpenedOutput = { readonly whole: JobOutput } | { readonly long: LongOutput };

/** It may grow while it is read. The members are those of `JobOutput`. */
export interface LongOutput extends Pick<JobOutput, 'droppedBytes' | 'incompleteReason'> {
  /** Each call reads it anew. Nothing is read before the first piece is asked for, and no more than is taken. */
  pieces(which: OutputStream): AsyncGenerator<Uint8Array>;
}
