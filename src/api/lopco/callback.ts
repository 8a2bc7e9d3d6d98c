// Takes what is posted to a job: the result of a worker, or an abort.

import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { type Caller, ownerOf, ownOnly, type Reach } from '../../job/owner.js';
import type { ParentView } from '../../job/parents/planner.js';
import { isFinal } from '../../job/state.js';
import type { AppParts } from '../parts.js';
import { reachOf } from '../request/caller.js';
import type { ApiContext } from '../request/env.js';
import { isJson, readObject } from './body.js';
import { answerStatus, refused } from './errors.js';
import { findActive } from './find.js';
import type { Progress } from './pipeline/model.js';
import { readResult } from './pipeline/result.js';
import { awaitedOf, changeAwaited } from './pipeline/workers/awaited.js';
import { isSecretOf, parseCallbackToken } from './pipeline/workers/secret.js';
import { pipelineKind } from './request.js';

type Body = Readonly<Record<string, unknown>>;

/** Workers have no token: they post to the address in their environment, which holds a secret. */
export function isCallback(c: ApiContext): boolean {
  return (
    c.req.query('t') !== undefined &&
    c.req.method === 'POST' &&
    /^\/job-manager\/jobs\/[^/]+\/?$/.test(c.req.path)
  );
}

/** Answered at once; what follows from it happens meanwhile. */
export async function advanceJob(c: ApiContext, parts: AppParts): Promise<Response> {
  if (!isJson(c)) return answerStatus(c, 415);
  await (isCallback(c) ? takeFromWorker(c, parts) : takeFromCaller(c, parts));
  return answerStatus(c, 200);
}

async function takeFromCaller(c: ApiContext, parts: AppParts): Promise<void> {
  const caller = c.get('caller');
  const reach = reachOf(c, parts.access);
  const job = await findActive(parts, c.req.param('job') ?? '', reach);
  c.set('jobId', job.id);
  const body = await readObject(c, parts);
  if (body.status === 'aborted') return await abort(parts, job, { reach, caller });
  if (job.label.kind !== pipelineKind) return; // It awaits nobody.
  // What workers run on is the owner's: no right lets somebody else hand it over.
  await storeResult(parts, { job: job.id, reach: ownOnly(reach), actor: ownerOf(caller).key, body });
}

/** One that ended meanwhile is no longer there. */
async function abort(
  { queue }: AppParts,
  job: Job,
  { reach, caller }: { reach: Reach; caller: Caller },
): Promise<void> {
  const { state } = await queue.kill(job.id, reach, caller);
  if (isFinal(state)) throw new RefusedError('not_found', 'not found');
}

/** Each costs a hash, and anybody may send them. */
const mostInstances = 32;

/** The secret is known to be right before the database is asked for anything. It opens the result of one worker. */
async function takeFromWorker(c: ApiContext, parts: AppParts): Promise<void> {
  const token = parseCallbackToken(c.req.query('t') ?? '');
  if (token === undefined) throw wrongSecret();
  const body = await readObject(c, parts);
  const claimed = Object.keys(body).slice(0, mostInstances);
  const instance = claimed.find((key) => isSecretOf(parts.lopco.callbackKey, token, key));
  if (instance === undefined || body.status === 'aborted') throw wrongSecret();
  c.set('jobId', token.job);
  const posted = {
    job: token.job,
    reach: { everyone: true } as const,
    actor: `worker:${instance}`,
    body: { [instance]: body[instance] },
  };
  const refuseOther = ({ id, label }: ParentView) => {
    if (c.req.param('job') !== (label.name ?? id)) throw wrongSecret();
  };
  await storeResult(parts, posted, refuseOther);
}

function wrongSecret(): RefusedError {
  return new RefusedError(
    'forbidden',
    'Expected `t` to be the secret of the worker that the result is from, got another one.',
  );
}

interface PostedResult {
  readonly job: string;
  readonly reach: Reach;
  readonly actor: string;
  readonly body: Body;
}

async function storeResult(
  { queue }: AppParts,
  { job, reach, actor, body }: PostedResult,
  check: (view: ParentView) => void = () => undefined,
): Promise<void> {
  const change = (view: ParentView) => {
    check(view);
    return withResult(view, body);
  };
  await queue.revise(job, reach, { kind: 'worker_result', actor, change }).catch(ignoreEnded);
}

/** It came too late: nobody waits for it any more. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof RefusedError) || error.code !== 'conflict') throw error;
}

/** Undefined: it is from workers that are not awaited, or not any more. */
function withResult({ progress }: ParentView, body: Body): { progress: Progress } | undefined {
  const known = progress as Progress; // Only this door wrote it.
  if (known.over !== undefined || known.current === undefined) return undefined;
  const awaited = awaitedOf(known.current).filter(
    ({ instance, result }) => result === undefined && Object.hasOwn(body, instance),
  );
  if (awaited.length === 0) return undefined;
  const changed = awaited.reduce((before, { instance }) => {
    const result = readResult(body[instance]);
    if ('problem' in result) throw refused([result.problem]);
    return changeAwaited(before, instance, (worker) => ({ ...worker, result: result.outputs })) ?? before;
  }, known);
  return { progress: changed };
}
