// What a parent does next: a kill is carried out here; everything else its planner decides.
import { JobFailedError } from '../../job/errors.js';
import { type Verdict, verdictOf } from '../../job/outcome.js';
import { endBy } from '../../job/parents/end-by.js';
import type { ParentView, Planner, Step } from '../../job/parents/planner.js';
import type { ReadParent } from './view.js';

/** The next step of a parent, with its ended children noted. */
export async function decide(parent: ReadParent, planner: Planner): Promise<Step> {
  if (parent.failure !== undefined) return endBy(parent.view, failedBy(parent.failure));
  const view = noteEnded(parent, planner);
  if (parent.job.killRequestedAt !== undefined) return endBy(view, killed);
  try {
    return await planner.next(view);
  } catch (error) {
    if (!(error instanceof JobFailedError)) throw error;
    return endBy(view, failedBy(error));
  }
}

const killed = verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 });

function failedBy({ reason, code, message, alarm }: JobFailedError): Verdict {
  return verdictOf({ kind: 'failed', reason, code, message, alarm, exitCode: undefined });
}

function noteEnded({ view, ended }: ReadParent, planner: Planner): ParentView {
  const progress = ended.reduce((seen, child) => planner.note(seen, child, view), view.progress);
  return { ...view, progress };
}
