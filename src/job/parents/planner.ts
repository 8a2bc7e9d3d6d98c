// The contract `Planner`: how a door decides what its parent jobs do next.

import type { JobLabel, SpecFields } from '../job.js';
import type { Verdict } from '../outcome.js';
import type { Owner } from '../owner.js';
import type { FailureReason, JobState } from '../state.js';

/**
 * A parent is a job that runs no container. It starts other jobs, its children, and has ended once it decides so and none of
 * them is active. No node holds it: whichever node sees that something happened reads the view, asks the planner of the
 * parent's door, and stores the answer if nothing has changed meanwhile. So a planner may be asked twice about the same
 * view, on any node, and its answer may come to nothing: it must have no effect of its own.
 */
export interface Planner {
  /**
   * What is to be remembered of a child that has ended. It is called once for each before `next`; the child is forgotten after
   * it. Also for a child that could not be stored, as one that has failed.
   */
  note(progress: Json, child: Child, view: ParentView): Json;
  /** What comes next. A kill of the parent is carried out without it. */
  next(view: ParentView): Step | Promise<Step>;
  /** What is left to do for a parent that was killed. */
  readonly cleanUp?: CleanUp | undefined;
}

/** Children that remove what the others left, such as files. They run although their parent was killed. */
export interface CleanUp {
  /** Whether a child is one of these: the kill of its parent leaves it alone. */
  is(child: Child): boolean;
  /** The next one for a killed parent whose other children have ended; undefined: there is none. */
  next(view: ParentView): { readonly child: NewChild; readonly progress: Json } | undefined;
}

/** How the parents of one door are carried on. */
export interface DoorPlanner {
  readonly planner: Planner;
  /** So many may be under way at once, the others are queued; undefined: any number. */
  readonly mostRunning?: number | undefined;
}

/** Data that is stored in the clear: no secret may be in it. */
export type Json = unknown;

/** All that is known of a parent, read at one moment. */
export interface ParentView {
  readonly id: string;
  readonly owner: Owner;
  readonly label: JobLabel;
  readonly submittedAt: Date;
  /** What the request asked for, for its children. */
  readonly fields: SpecFields;
  /** What the door wants of the parent. Sealed, like the fields: it may hold secrets. */
  readonly plan: Json;
  /** How far it is, with the ended children noted. Its first value comes with the request. */
  readonly progress: Json;
  /** The children that have not ended, oldest first. */
  readonly active: readonly Child[];
  /** By the database's clock. */
  readonly now: Date;
}

/** A child as its parent sees it. */
export interface Child {
  readonly id: string;
  /** The parent's own number for it, such as an index or a stage. It need not be unique. */
  readonly slot: number;
  readonly label: JobLabel;
  readonly state: JobState;
  readonly reason: FailureReason | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly exitCode: number | undefined;
  readonly submittedAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** A kill was asked for and it has not ended yet. */
  readonly killRequested: boolean;
}

/** Stored together with `progress`, or not at all. */
export type Step = { readonly progress: Json } & (
  | { readonly do: 'start'; readonly child: NewChild }
  /** Asks for the kill of these children; those that have ended meanwhile are left alone. */
  | { readonly do: 'kill'; readonly children: readonly string[] }
  /** Until something happens to a child or to the parent, or for so long. */
  | { readonly do: 'wait'; readonly forMs?: number | undefined }
  /** With a child still active this comes to nothing. */
  | { readonly do: 'end'; readonly verdict: Verdict }
);

/** A job of the parent's owner and door. */
export interface NewChild {
  readonly slot: number;
  readonly queue: string | null;
  readonly fields: SpecFields;
  readonly label?: JobLabel | undefined;
  /** Whether the door's own lists show it. */
  readonly listed: boolean;
  /** How long after its end they still do; undefined: until it is taken off. */
  readonly unlistAfterMs?: number | undefined;
  /** False: it gets neither the login that the others share nor their secrets. */
  readonly sharesLogin?: false | undefined;
}
