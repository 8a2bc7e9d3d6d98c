// Plans a job of several runs: so many must succeed, so many at once, so many may fail and are run again.

import { randomUUID } from 'node:crypto';
import { type Verdict, verdictOf } from '../../job/outcome.js';
import { endBy } from '../../job/parents/end-by.js';
import type { Child, NewChild, ParentView, Planner, Step } from '../../job/parents/planner.js';
import type { FailureReason } from '../../job/state.js';
import { withVariables } from './variables.js';

export interface SweepPlan {
  /** Runs that must succeed; their indexes count from 0. */
  readonly completions: number;
  /** Runs at once. */
  readonly parallelism: number;
  /** Runs that may fail and are run again. */
  readonly backoffLimit: number;
  readonly queue: string | null;
}

export interface SweepProgress {
  /** The lowest index that was never run. */
  readonly next: number;
  /** Indexes that failed and are to be run again. */
  readonly again: readonly number[];
  readonly succeeded: number;
  readonly failures: number;
  readonly lastFailure: Failure | null;
}

interface Failure {
  readonly index: number;
  /** By the database's clock, in milliseconds since 1970. */
  readonly at: number;
  readonly isLost: boolean;
  readonly reason: FailureReason | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
}

export const newSweep: SweepProgress = { next: 0, again: [], succeeded: 0, failures: 0, lastFailure: null };

/** As Kubernetes waits after the failures of a job's pods. */
const firstBackOffMs = 10_000;
const longestBackOffMs = 6 * 60_000;

/** For these reasons another run would fail too. */
const finalReasons: readonly FailureReason[] = [
  'image_unavailable',
  'payload_refused',
  'content_refused',
  'auth_refused',
  'secrets_refused',
];

export const sweeps: Planner = {
  note: (progress, child, { plan }) => noteEnd(progress as SweepProgress, child, plan as SweepPlan),
  next: (view) => nextStep(view, view.plan as SweepPlan, view.progress as SweepProgress),
};

/** Once the job has failed, only the end of its other runs is waited for: they are being killed. */
function noteEnd(progress: SweepProgress, child: Child, plan: SweepPlan): SweepProgress {
  const { succeeded, failures, again } = progress;
  if (isOver(plan, progress)) return progress;
  if (child.state === 'succeeded') return { ...progress, succeeded: succeeded + 1 };
  const lastFailure = failureOf(child);
  return { ...progress, failures: failures + 1, again: [...again, child.slot], lastFailure };
}

function failureOf(child: Child): Failure {
  const { slot: index, reason = null, code = null, message = null, exitCode = null } = child;
  const at = child.finishedAt?.getTime() ?? 0;
  return { index, at, isLost: child.state === 'lost', reason, code, message, exitCode };
}

function nextStep(view: ParentView, plan: SweepPlan, progress: SweepProgress): Step {
  const { lastFailure, failures, succeeded } = progress;
  if (lastFailure !== null && isOver(plan, progress)) return endBy(view, verdictOfFailure(plan, lastFailure));
  if (succeeded >= plan.completions) return endBy(view, allSucceeded);
  const index = progress.again[0] ?? progress.next;
  if (view.active.length >= plan.parallelism || index >= plan.completions) return { do: 'wait', progress };
  const restMs = lastFailure === null ? 0 : lastFailure.at + backOffMs(failures) - view.now.getTime();
  if (restMs > 0) return { do: 'wait', forMs: restMs, progress };
  return { do: 'start', child: runOf(view, plan, index), progress: begun(progress, index) };
}

function isOver({ backoffLimit }: SweepPlan, { failures, lastFailure }: SweepProgress): boolean {
  const reason = lastFailure?.reason ?? null;
  return failures > backoffLimit || (reason !== null && finalReasons.includes(reason));
}

/** 10 s after the first failure, twice as long after each further one, 6 min at most. */
export function backOffMs(failures: number): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** (failures - 1));
}

function begun(progress: SweepProgress, index: number): SweepProgress {
  const [, ...again] = progress.again;
  return index === progress.next ? { ...progress, next: index + 1 } : { ...progress, again };
}

/** The job may set its variables itself. */
function runOf({ fields }: ParentView, { queue }: SweepPlan, slot: number): NewChild {
  const env = withVariables(fields.env, { POD_INDEX: `${slot}`, POD_UUID: randomUUID() });
  return { slot, queue, fields: { ...fields, env }, listed: false };
}

const allSucceeded: Verdict = verdictOf({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  stopped: undefined,
  limitMs: 0,
});

/** Of the failure that was one too many. */
function verdictOfFailure({ completions, backoffLimit }: SweepPlan, failure: Failure): Verdict {
  const { index, isLost, reason, code, exitCode } = failure;
  const which = completions > 1 ? `The run of index ${index}` : 'The run';
  const message = `${which} did not succeed, and ${backoffLimit} may fail: ${failure.message ?? 'it was killed.'}`;
  if (isLost) return verdictOf({ kind: 'vanished', message });
  if (reason === null) return { ...verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 }), message };
  return verdictOf({
    kind: 'failed',
    reason,
    code: code ?? reason,
    message,
    exitCode: exitCode ?? undefined,
  });
}
