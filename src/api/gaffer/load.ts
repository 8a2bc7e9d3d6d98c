// Loads jobs, replaces their configuration, starts committed processes.

import { RefusedError } from '../../job/errors.js';
import type { JobRequest } from '../../job/job.js';
import { ownerOf, ownOnly } from '../../job/owner.js';
import type { ParentView } from '../../job/parents/planner.js';
import type { SubmittedJob } from '../../queue/queue.js';
import { readFields } from '../request/readers.js';
import { type Asker, type FullName, findLoaded, isLoaded, revise, unlessMissing } from './find.js';
import { commit, replace } from './supervision/changes.js';
import { firstProgress, type Plan, planOf, progressOf } from './supervision/progress.js';
import {
  type ReadTemplate,
  readTemplate,
  refuse,
  refuseBadLaunch,
  type Settings,
} from './template/read-template.js';
import type { Extra } from './template/template.js';
import { findNameProblem, seconds, variables } from './template/wire.js';

type Body = Readonly<Record<string, unknown>>;

/** Throws `RefusedError`: `invalid_request` with all problems, or `name_taken`. */
export async function load(
  session: string,
  body: Body,
  { asker, settings, key }: { asker: Asker; settings: Settings; key: string | undefined },
): Promise<SubmittedJob> {
  const problem = findNameProblem(session);
  refuse(problem === undefined ? [] : [`session must be ${problem}.`]);
  const request = toRequest(session, readTemplate(body, settings), asker);
  return asker.queue.submit(request, key, asker.reach).catch(async (error: unknown) => {
    if (!(error instanceof RefusedError) || error.code !== 'name_taken') throw error;
    if (!(await freeName(request, asker))) throw error;
    return asker.queue.submit(request, key, asker.reach);
  });
}

function toRequest(session: string, read: ReadTemplate, { caller }: Asker): JobRequest {
  const { template, name, starts, wrappedSecretId } = read;
  const { image, options } = template;
  const plan: Plan = { template, commits: [] };
  return {
    door: 'gaffer',
    queue: null,
    owner: ownerOf(caller),
    wrappedSecretId,
    payload: { kind: 'none' },
    fields: { image, options },
    label: { project: session, name, kind: 'job' },
    parent: { plan, progress: firstProgress(template, starts ? 'running' : 'loaded') },
  };
}

/** A job that was killed at another door still has its name. False: the name is in use. */
async function freeName({ label }: JobRequest, { queue, reach, caller }: Asker): Promise<boolean> {
  const { project, name = '' } = label ?? {};
  const own = ownOnly(reach); // Names are the owner's: that of somebody else is not in the way.
  const holder = await queue.find({ door: 'gaffer', project, name }, own).catch(unlessMissing);
  if (holder === undefined) return true;
  if (isLoaded(holder)) return false;
  await queue.unlist(holder.id, own, caller);
  return true;
}

/** New processes replace the old ones at once. Throws `RefusedError`. */
export async function replaceConfig(
  name: FullName,
  body: Body,
  { asker: given, settings }: { asker: Asker; settings: Settings },
): Promise<void> {
  const asker = asOwner(given);
  const view = await findLoaded(name, asker);
  const hasLogin = planOf(view).template.secrets !== undefined;
  const { template } = readTemplate({ ...body, name: name.label }, settings, { hasLogin });
  await revise(view, 'gaffer_replaced', { asker, change: (current) => replace(current, template) });
}

/** What processes run is run with the owner's login: no right lets somebody else change it. */
function asOwner(asker: Asker): Asker {
  return { ...asker, reach: ownOnly(asker.reach) };
}

const commitShape = { graceful_timeout: seconds, env: variables };

/** The new process. Throws `RefusedError`. */
export async function commitProcess(
  name: FullName,
  body: Body,
  { asker: given, settings }: { asker: Asker; settings: Settings },
): Promise<{ readonly pid: number; readonly id: string | undefined }> {
  const extra = readExtra(body);
  const asker = asOwner(given);
  const view = await findLoaded(name, asker);
  let number = 0;
  const change = (current: ParentView) => {
    refuseBadLaunch(planOf(current).template, settings, extra);
    const made = commit(current, extra);
    number = made.progress.lastCommit;
    return made;
  };
  await revise(view, 'gaffer_committed', { asker, change });
  const after = await asker.queue.parent(view.id, asker.reach);
  const { id } = after.active.find(({ slot }) => slot === -number) ?? {};
  return { pid: pidOfCommit(number, after), id };
}

function readExtra(body: Body): Extra {
  const problems: string[] = [];
  const { env, graceful_timeout: grace } = readFields(body, commitShape, { problems });
  refuse(problems);
  return {
    ...(env !== undefined && { env }),
    ...(grace !== undefined && { stopGraceMs: Math.round(grace * 1000) }),
  };
}

/** It was started when the commit was stored. */
function pidOfCommit(number: number, view: ParentView): number {
  const [, pid] = progressOf(view).commitPids.find(([each]) => each === number) ?? [];
  if (pid !== undefined) return pid;
  throw new RefusedError('conflict', 'The process was stopped before it started.');
}
