// What a parent does next: a kill is carried out here; everything else its planner decides.
import { JobFailedError } from '../../job/errors.js';
import { type Verdict, verdictOf } from '../../job/outcome.js';
import { endBy } from '../../job/parents/end-by.js';
import type { Child, NewChild, ParentView, Planner, Step } from '../../job/parents/planner.js';
import type { ReadParent } from './view.js';

/** How long a parent waits for room before it looks again. */
const roomMs = 1_000;

/**
 * The next step of a parent, with its ended children noted. A child is never refused: one may always wait, and others where
 * `hasRoom` says so, else the parent rests.
 */
export async function decide(
  parent: ReadParent,
  planner: Planner,
  hasRoom: () => Promise<boolean> = async () => true,
): Promise<Step> {
  if (parent.failure !== undefined) return endBy(parent.view, failedBy(parent.failure));
  const view = noteEnded(parent, planner);
  if (parent.job.killRequestedAt !== undefined) return endKilled(view, planner);
  const failure = firstLoginFailed(parent, planner);
  if (failure !== undefined && planner.cleanUp === undefined) return endBy(view, failure);
  try {
    const step = await planner.next(view);
    if (step.do !== 'start') return step;
    if (view.active.some(waits) && !(await hasRoom()))
      return { do: 'wait', forMs: roomMs, progress: view.progress };
    if (!makesLogin(parent, step.child)) return step;
    if (failure !== undefined) return endBy(view, failure);
    return view.active.length === 0 ? step : { do: 'wait', progress: view.progress };
  } catch (error) {
    if (!(error instanceof JobFailedError)) throw error;
    return endBy(view, failedBy(error));
  }
}

function waits({ state }: Child): boolean {
  return state === 'queued';
}

/** What cleans up is not killed with the others, and begins when these have ended. */
function endKilled(view: ParentView, { cleanUp }: Planner): Step {
  const others = view.active.filter((child) => cleanUp?.is(child) !== true);
  const step = endBy({ ...view, active: others }, killed);
  if (step.do !== 'end') return step;
  if (view.active.length > 0) return { do: 'wait', progress: view.progress };
  const last = cleanUp?.next(view);
  return last === undefined ? step : { do: 'start', ...last };
}

/** A wrapped SecretID is good for one login: the others begin once the first child has made it, and it is kept. */
function makesLogin({ request }: ReadParent, { sharesLogin }: NewChild): boolean {
  return sharesLogin !== false && hasUnusedSecretId(request);
}

function hasUnusedSecretId({ wrappedSecretId, kept }: ReadParent['request']): boolean {
  return wrappedSecretId !== undefined && kept === undefined;
}

/**
 * The first child ended before its login was kept: there is no second login, so the parent ends, or has its planner end it
 * where that cleans up.
 */
function firstLoginFailed({ request, ended }: ReadParent, { cleanUp }: Planner): Verdict | undefined {
  const first = hasUnusedSecretId(request) ? ended.find((child) => cleanUp?.is(child) !== true) : undefined;
  if (first === undefined) return undefined;
  const { reason, code, message = 'The first run ended before its secrets were read.', exitCode } = first;
  if (first.state === 'canceled') return killed;
  if (reason === undefined) return verdictOf({ kind: 'vanished', message });
  return verdictOf({ kind: 'failed', reason, code: code ?? reason, message, exitCode });
}

const killed = verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 });

function failedBy({ reason, code, message, alarm }: JobFailedError): Verdict {
  return verdictOf({ kind: 'failed', reason, code, message, alarm, exitCode: undefined });
}

function noteEnded({ view, ended }: ReadParent, planner: Planner): ParentView {
  const progress = ended.reduce((seen, child) => planner.note(seen, child, view), view.progress);
  return { ...view, progress };
}
