// The contract for what goes to and comes from programs while they run: input, and output as it is stored.

import type { Door, JobLabel } from '../job/job.js';
import type { Reach } from '../job/owner.js';

/** All refuse with `not_found`, also when the job is out of reach. */
export interface Streams {
  /**
   * Sends bytes to the program of a job, on whichever node, to its standard input or a pipe; they are stored when it returns, and
   * given at most once, in their order. Refuses with `conflict` where the program has no such input, has ended, or has too much to read already.
   */
  write(id: string, reach: Reach, bytes: Uint8Array, pipe?: string): Promise<void>;
  /**
   * The output of a job from its beginning, or from a place, as it is stored, until the job has ended and all was read or the
   * signal fires. Whoever reads slowly costs nothing but this reading. While Postgres is unavailable it waits.
   */
  follow(id: string, reach: Reach, how: Following): AsyncIterable<FollowedOutput>;
  /** Where `follow` begins to leave out what is stored now. */
  position(id: string, reach: Reach, pipe?: string): Promise<number>;
  /**
   * What is written into the histories of a door's jobs from when it resolves, until the signal fires. Who reads so slowly that many
   * thousands wait is cut off: it throws `RefusedError` `conflict`.
   */
  events(door: Door, reach: Reach, signal: AbortSignal): Promise<AsyncIterable<JobEvent>>;
}

/** A line of the history of a job, and what is known of the job when it is read. */
export interface JobEvent {
  readonly jobId: string;
  readonly kind: string;
  readonly label: Pick<JobLabel, 'name' | 'project'>;
  /** Of a child: the label of its parent. */
  readonly parent: Pick<JobLabel, 'name' | 'project'> | undefined;
  readonly slot: number | undefined;
  readonly exitCode: number | undefined;
  /** Of the parent that it is or has. */
  readonly progress: unknown;
}

/** Does some work, at once or when others of the same caller have been done. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export interface Following {
  readonly signal: AbortSignal;
  /** How each piece is read; at once unless given. */
  readonly inTurn?: InTurn;
  /** The number of the first chunk that is wanted; 0 by default. */
  readonly from?: number;
  /** What the program writes to this pipe, and not its output. All of it counts as stdout. */
  readonly pipe?: string | undefined;
}

export type FollowedOutput =
  /** A piece of one stream that splits no character, unless it is of a pipe. `next` is the number of the chunk that follows the one it is of. */
  | {
      readonly kind: 'piece';
      readonly stream: 'stdout' | 'stderr';
      readonly bytes: Uint8Array;
      readonly next: number;
    }
  /** So many bytes of the output were not kept. */
  | { readonly kind: 'gap'; readonly bytes: number };
