// Shows jobs and projects as Run:AI lists them.

import type { Job } from '../../job/job.js';
import { isActive } from '../../job/state.js';
import type { Place } from '../../queue/parent-jobs.js';
import { statusOf } from './states.js';

/** The kind of a job's label, where it is not a training. */
export const interactive = 'interactive';

/** How one version of the API shows a job. */
export interface View {
  /** A list of names; otherwise one text. */
  readonly listsNodes: boolean;
  /** With the finer status words. */
  readonly isDetailed: boolean;
}

/** A job in a list, `place` where it is a parent. What a job of another door does not have is empty. */
export function toWireJob(job: Job, { listsNodes, isDetailed }: View, place: Place = placeOf(job)) {
  const { nodes, running } = place;
  const { project = '', name = '', requester = job.owner.displayName } = job.label;
  return {
    id: job.id,
    project,
    name,
    status: statusOf(job, isDetailed),
    type: isInteractive(job) ? 'Interactive' : 'Train',
    nodes: listsNodes ? nodes : nodes.join(),
    createdAt: job.submittedAt.getTime(),
    images: job.image ?? '',
    user: requester,
    currentAllocatedGPUs: running * (job.options.gpus ?? 0),
  };
}

/** A parent runs no container, and has no node of its own. */
function placeOf({ state, node, isParent }: Job): Place {
  const isRunning = !isParent && (state === 'running' || state === 'stopping');
  return { nodes: node === undefined || !isActive(state) ? [] : [node], running: isRunning ? 1 : 0 };
}

export function isInteractive({ label }: Job): boolean {
  return label.kind === interactive;
}

/** The projects of these jobs, by name. stint shares out nothing between projects, so there are no quotas. */
export function toWireProjects(jobs: readonly Job[]) {
  const since = new Map<string, number>();
  for (const { label, submittedAt } of jobs) {
    const { project = '' } = label;
    since.set(project, Math.min(since.get(project) ?? Infinity, submittedAt.getTime()));
  }
  const names = [...since.keys()].toSorted();
  return names.map((name) => ({
    name,
    createdAt: since.get(name) ?? 0,
    deservedGpus: 0,
    interactiveJobTimeLimitSecs: 0,
    trainNodeAffinity: null,
    interactiveNodeAffinity: null,
    departmentName: 'default',
  }));
}
