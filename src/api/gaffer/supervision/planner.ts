// Decides what a loaded job does next: which process to start, and which to stop.

import type { NewChild, ParentView, Planner, Step } from '../../../job/parents/planner.js';
import { launch } from '../template/template.js';
import type { Flapping } from './brake.js';
import { noteEnd } from './note-end.js';
import { aliveOf, type Commit, isCommitted, type Progress, planOf, progressOf } from './progress.js';

export interface PlannerParts {
  /** The next small number for a process; no other process gets it. */
  readonly drawPid: () => Promise<number>;
  /** Of jobs that have none of their own. */
  readonly flapping: Flapping;
}

/** A loaded job never ends by itself: it waits until it is unloaded. */
export function createPlanner(parts: PlannerParts): Planner {
  return {
    note: (progress, child, view) =>
      noteEnd(progressOf({ progress }), child, { view, flapping: parts.flapping }),
    next: (view) => next(view, parts),
  };
}

/** First what is too much ends; then what is missing starts, one process a step. */
async function next(view: ParentView, { drawPid }: PlannerParts): Promise<Step> {
  const progress = progressOf(view);
  const excess = findExcess(view, progress);
  if (excess.length > 0) return { do: 'kill', children: excess, progress };
  const commit = findCommit(view, progress);
  if (commit !== undefined) return startCommit(view, commit, await drawPid());
  if (!lacksProcess(view, progress)) return { do: 'wait', progress };
  const forMs = progress.brake.notBefore - view.now.getTime();
  if (forMs > 0) return { do: 'wait', forMs, progress };
  const child = newProcess(view, { slot: progress.generation, pid: await drawPid() });
  return { do: 'start', child, progress };
}

/** Processes of an older generation, commits that were stopped, and the oldest of those that are too many. */
function findExcess(view: ParentView, progress: Progress): string[] {
  const alive = aliveOf(view);
  const old = alive.filter((child) =>
    isCommitted(child) ? -child.slot <= progress.stoppedCommit : child.slot !== progress.generation,
  );
  const kept = alive.filter((child) => !isCommitted(child) && !old.includes(child));
  const surplus = kept.slice(0, Math.max(0, kept.length - wanted(progress)));
  return [...old, ...surplus].map(({ id }) => id);
}

/** So many supervised processes are to be there. A target of a job that is stopped is only remembered. */
function wanted({ mode, target, finished }: Progress): number {
  return mode === 'running' ? Math.max(0, target - finished) : 0;
}

function lacksProcess(view: ParentView, progress: Progress): boolean {
  const supervised = aliveOf(view).filter((child) => !isCommitted(child));
  return supervised.length < wanted(progress);
}

function findCommit(view: ParentView, { startedCommit, stoppedCommit }: Progress): Commit | undefined {
  return planOf(view).commits.find(({ number }) => number > Math.max(startedCommit, stoppedCommit));
}

const mostPids = 64;

function startCommit(view: ParentView, commit: Commit, pid: number): Step {
  const progress = progressOf(view);
  const commitPids = [...progress.commitPids, [commit.number, pid] as const].slice(-mostPids);
  const child = newProcess(view, { slot: -commit.number, pid, commit });
  return { do: 'start', child, progress: { ...progress, startedCommit: commit.number, commitPids } };
}

/** It has no project, so that it is found by its pid alone. */
function newProcess(
  view: ParentView,
  { slot, pid, commit = {} }: { slot: number; pid: number; commit?: Commit | object },
): NewChild {
  return {
    slot,
    queue: null,
    fields: launch(planOf(view).template, commit),
    label: { name: String(pid), kind: 'process' },
    listed: true,
    unlistAfterMs: 0, // Clients no longer ask for a process that has ended.
  };
}
