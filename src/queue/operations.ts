// The contract of the operators' actions, and the shapes that it answers with.
import type { HeadDocument } from '../job/audit/head.js';
import type { Job } from '../job/job.js';
import type { Reach } from '../job/owner.js';

/** What operators can do. Every method that changes something takes the owner key of the caller, for the history. */
export interface Operations {
  /** Every queue that was ever used or configured, ordered by name, starting after `after`. */
  queues(page: { after: string | undefined; limit: number }): Promise<readonly QueueView[]>;
  /** Refuses with `not_found`. */
  queue(name: string): Promise<QueueDetail>;
  /** No job gets the turn until `resume`; a running job goes on. A queue may be paused before its first job. */
  pause(name: string, request: OperatorRequest): Promise<QueueDetail>;
  resume(name: string, actor: string): Promise<QueueDetail>;
  /** Ends a hold. The operator takes responsibility for a container that may still run. */
  release(name: string, request: OperatorRequest): Promise<QueueDetail>;
  configure(name: string, settings: QueueSettings, actor: string): Promise<QueueDetail>;
  nodes(): Promise<readonly NodeView[]>;
  /** Refuses with `not_found`. A draining node takes no more jobs. */
  setDraining(node: string, draining: boolean, actor: string): Promise<readonly NodeView[]>;
  /** Refuses with `not_found`, also when the job is out of reach. */
  job(id: string, reach: Reach): Promise<JobDetail>;
  /** Declares a job lost whose kill is not carried out. Refuses with `conflict` while it still may be, or on an ended job. */
  finalise(id: string, request: OperatorRequest): Promise<JobDetail>;
  /** The last signed head of the history. Refuses with `not_found`. */
  head(): Promise<HeadDocument>;
  /** Which jobs were given a secret, by version and then in their order. A version of 0: one without versions. */
  secretReads(choice: ReadChoice): Promise<readonly FoundRead[]>;
}

/** A secret, and which page of its reads; without `version` those of all versions. */
export interface ReadChoice {
  readonly path: string;
  readonly version: number | undefined;
  readonly after: ReadPlace | undefined;
  readonly limit: number;
}

/** A place in the list of reads, for its next page. */
export interface ReadPlace {
  readonly version: string;
  readonly seq: string;
}

export interface FoundRead extends ReadPlace {
  readonly jobId: string;
  readonly at: Date;
  /** The node that read it. */
  readonly actor: string;
  readonly read: { readonly keys?: readonly string[]; readonly lease?: string };
}

/** Who asks, and why. */
export interface OperatorRequest {
  readonly actor: string;
  readonly reason: string;
}

export interface QueueSettings {
  /** How many jobs may wait behind the one that has the turn; null: what the server's setting says. */
  readonly maxWaiting?: number | null | undefined;
  /** After a failed job no job gets the turn until an operator releases the queue. */
  readonly holdOnFailure?: boolean | undefined;
}

/** A queue as operators see it. */
export interface QueueView {
  readonly name: string;
  /** A queue that is both held and paused is shown as `held`: a hold means that something is wrong. */
  readonly state: 'open' | 'paused' | 'held';
  /** The job that has the turn. */
  readonly holder: QueueHolder | undefined;
  /** Jobs behind the one that has the turn. */
  readonly waiting: number;
  readonly oldestSince: Date | undefined;
  readonly pause: { readonly at: Date; readonly by: string; readonly reason: string } | undefined;
  readonly hold: QueueHold | undefined;
  readonly maxWaiting: number | undefined;
  readonly holdOnFailure: boolean;
}

export interface QueueHold {
  readonly job: string | undefined;
  readonly reason: string;
  /** Undefined: until an operator releases it. */
  readonly until: Date | undefined;
}

export interface QueueHolder {
  readonly id: string;
  readonly state: Job['state'];
  readonly node: string | undefined;
  /** Why it waits although it has the turn. */
  readonly message: string | undefined;
}

export interface QueueDetail extends QueueView {
  /** One sentence: why the first waiting job does not run. */
  readonly why: string;
}

export interface NodeView {
  readonly id: string;
  readonly engineId: string | undefined;
  readonly version: string;
  readonly slots: number;
  readonly active: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly alive: boolean;
  readonly draining: boolean;
}

/** All that is known of a job. */
export interface JobDetail {
  readonly job: Job;
  readonly fence: string | undefined;
  readonly output: JobOutputFacts;
  /** `pending`: still valid in Vault, to be revoked; `none`: the job never had one. */
  readonly token: 'none' | 'live' | 'pending' | 'revoked';
  /** By the database's clock. */
  readonly wrapExpiresAt: Date | undefined;
  /** One sentence, when a kill should have been carried out and was not. */
  readonly killProblem: string | undefined;
  readonly events: readonly JobEvent[];
}

export interface JobOutputFacts {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly complete: boolean;
  readonly flaw: string | undefined;
}

/** One line of a job's history. */
export interface JobEvent {
  readonly at: Date;
  readonly kind: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}
