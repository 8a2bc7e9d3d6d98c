// LOPCO's routes: new jobs, active ones and ended ones; and the door itself.

import type { Hono } from 'hono';
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { ownerOf, type Reach } from '../../job/owner.js';
import { mostListed } from '../../queue/queue.js';
import type { ApiDoor } from '../door.js';
import type { AppParts } from '../parts.js';
import { reachOf, requireCaller } from '../request/caller.js';
import { refuseWhileDraining } from '../request/draining.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { markReplay, readIdempotencyKey } from '../request/idempotency.js';
import { addRoute } from '../request/route.js';
import { toWireJob } from './answer.js';
import { readObject } from './body.js';
import { advanceJob, isCallback } from './callback.js';
import { answerFault, answerJson, answerUnknownPath, answerWrongMethod, logRefusals } from './errors.js';
import { findActive, findEnded } from './find.js';
import { createPlanner } from './pipeline/planner.js';
import { addRegistries } from './registries.js';
import { pipelineKind, toJobRequest } from './request.js';

const roots = ['/job-manager', '/machine-registry', '/pipeline-registry'];

export const lopco: ApiDoor = {
  name: 'lopco',
  owns: (path) => roots.some((root) => path === root || path.startsWith(`${root}/`)),
  add: addRoutes,
  answerFault,
  answerUnknownPath,
  planner: (parts) => ({ planner: createPlanner(parts), mostRunning: parts.lopco.mostRunning }),
};

/** Everything needs a token, also paths that do not exist; but for the results of workers, which have a secret. */
function addRoutes(app: Hono<ApiEnv>, parts: AppParts): void {
  const identify = requireCaller(parts, { door: 'lopco' });
  for (const root of roots)
    app.use(`${root}/*`, logRefusals(parts.log), (c, next) => (isCallback(c) ? next() : identify(c, next)));
  addJobs(app, parts);
  addRegistries(app, parts);
}

function addJobs(app: Hono<ApiEnv>, parts: AppParts): void {
  const root = '/job-manager';
  const jobs = { GET: (c: ApiContext) => listActive(c, parts), POST: (c: ApiContext) => submit(c, parts) };
  addRoute(app, `${root}/jobs`, jobs, answerWrongMethod);
  const job = {
    GET: (c: ApiContext) => show(c, parts, findActive),
    POST: (c: ApiContext) => advanceJob(c, parts),
  };
  addRoute(app, `${root}/jobs/:job`, job, answerWrongMethod);
  addRoute(app, `${root}/history`, { GET: (c) => listEnded(c, parts) }, answerWrongMethod);
  addRoute(app, `${root}/history/:job`, { GET: (c) => show(c, parts, findEnded) }, answerWrongMethod);
}

/** The id is the answer, whether the job is new or there already. */
async function submit(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const key = readIdempotencyKey(c);
  const request = toJobRequest(await readObject(c, parts), ownerOf(c.get('caller')), parts);
  const { name = '' } = request.label ?? {};
  try {
    const job = await parts.queue.submit(request, key, reachIn(c, parts));
    markReplay(c, job);
    tellJob(c, job.id);
    return answerId(c, name, 200);
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'name_taken') return answerId(c, name, 409);
    throw error;
  }
}

/** To the log, and to clients that ask for the job at another API. */
function tellJob(c: ApiContext, id: string): void {
  c.set('jobId', id);
  c.header('x-stint-job', id);
}

function answerId(c: ApiContext, id: string, status: 200 | 409): Response {
  return c.body(id, status, { 'content-type': 'text/plain; charset=utf-8' });
}

type Find = typeof findActive;

async function show(c: ApiContext, parts: AppParts, find: Find): Promise<Response> {
  const reach = reachIn(c, parts);
  const job = await find(parts, c.req.param('job') ?? '', reach);
  tellJob(c, job.id);
  return answerJson(c, await toWireJob(job, { queue: parts.queue, reach }));
}

async function listActive(c: ApiContext, parts: AppParts): Promise<Response> {
  const reach = reachIn(c, parts);
  const listed = await parts.queue.listed({ door: 'lopco' }, reach);
  const jobs = listed.filter(({ label }) => label.kind === pipelineKind);
  if (isFull(c)) return answerJson(c, await showAll(jobs.slice(0, mostShown), parts, reach));
  return answerJson(
    c,
    jobs.map(({ label }) => label.name),
  );
}

async function listEnded(c: ApiContext, parts: AppParts): Promise<Response> {
  const reach = reachIn(c, parts);
  const names = await parts.history.names(reach, isFull(c) ? mostShown : mostListed);
  if (!isFull(c)) return answerJson(c, names);
  const jobs = await Promise.all(names.map((name) => parts.history.latest(name, reach)));
  return answerJson(
    c,
    await showAll(
      jobs.filter((job) => job !== undefined),
      parts,
      reach,
    ),
  );
}

/** Each costs a few statements. */
const mostShown = 100;
/** The logs of one job are whole where it is asked for alone. */
const logBytes = 4096;

async function showAll(jobs: readonly Job[], { queue }: AppParts, reach: Reach): Promise<object> {
  const shown: [string, object][] = [];
  for (const job of jobs)
    shown.push([job.label.name ?? job.id, await toWireJob(job, { queue, reach, logBytes })]);
  return Object.fromEntries(shown);
}

function isFull(c: ApiContext): boolean {
  return c.req.query('full') === 'true';
}

function reachIn(c: ApiContext, { access }: AppParts): Reach {
  return reachOf(c, access);
}
