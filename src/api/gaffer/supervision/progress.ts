// What is stored of a supervised job: its plan, sealed, and its progress, in the clear.

import type { Child, ParentView } from '../../../job/parents/planner.js';
import { isAlive } from '../states.js';
import type { Extra, Template } from '../template/template.js';
import { type Brake, released } from './brake.js';

/** May hold secrets. */
export interface Plan {
  readonly template: Template;
  /** Those whose process is to be started, or runs. */
  readonly commits: readonly Commit[];
}

/** One process beside the supervised ones, with an environment of its own. */
export interface Commit extends Extra {
  /** From 1, in the order of the requests. */
  readonly number: number;
}

/** `loaded`: never started. `given_up`: its processes kept ending. */
export type Mode = 'loaded' | 'running' | 'stopped' | 'given_up';

/** Holds no secret. */
export interface Progress {
  readonly mode: Mode;
  /** How many processes there are to be. */
  readonly target: number;
  /** Grows when all supervised processes are to be replaced or stopped: those of an older one end. */
  readonly generation: number;
  /** Of this generation, those that ended and are not replaced: only of a job that is detached. */
  readonly finished: number;
  /** The number of the latest commit. */
  readonly lastCommit: number;
  /** All up to this one were started, or are not to be. */
  readonly startedCommit: number;
  /** The processes of all up to this one are to end. */
  readonly stoppedCommit: number;
  /** Of the latest commits. */
  readonly commitPids: readonly (readonly [commit: number, pid: number])[];
  readonly brake: Brake;
  /** Why the latest process ended by itself. */
  readonly lastExit?: Exit;
}

export interface Exit {
  readonly pid: number;
  readonly state: Child['state'];
  readonly exit_code: number | null;
  readonly reason: string;
}

export function firstProgress({ numprocesses }: Template, mode: 'loaded' | 'running'): Progress {
  const none = { generation: 0, finished: 0, lastCommit: 0, startedCommit: 0, stoppedCommit: 0 };
  return { mode, target: numprocesses, ...none, commitPids: [], brake: released };
}

type Stored = Pick<ParentView, 'plan' | 'progress'>;

/** Only this door stores them. */
export function planOf({ plan }: Pick<Stored, 'plan'>): Plan {
  return plan as Plan;
}

export function progressOf({ progress }: Pick<Stored, 'progress'>): Progress {
  return progress as Progress;
}

/** A child's slot is the generation of a supervised process, or the number of a commit below zero. */
export function isCommitted({ slot }: Pick<Child, 'slot'>): boolean {
  return slot < 0;
}

export function pidOf({ label }: Pick<Child, 'label'>): number {
  return Number(label.name);
}

/** Those that clients still see, oldest first. */
export function aliveOf({ active }: Pick<ParentView, 'active'>): readonly Child[] {
  return active.filter((child) => isAlive(child, child.killRequested));
}
