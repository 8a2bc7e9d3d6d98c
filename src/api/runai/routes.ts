// Run:AI's routes: submit, list and delete jobs, list projects; under all of their addresses.

import { isUtf8 } from 'node:buffer';
import type { Hono } from 'hono';
import type { Job } from '../../job/job.js';
import { ownerOf, type Reach } from '../../job/owner.js';
import type { ApiDoor } from '../door.js';
import type { AppParts } from '../parts.js';
import { readFieldsBody } from '../request/body.js';
import { reachOf, requireCaller } from '../request/caller.js';
import { refuseWhileDraining } from '../request/draining.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { markReplay, readIdempotencyKey } from '../request/idempotency.js';
import { addRoute, type Methods } from '../request/route.js';
import { isInteractive, toWireJob, toWireProjects, type View } from './answer.js';
import { answerFault, answerJson, answerUnknownPath, answerWrongMethod, refusedQuery } from './errors.js';
import { findProjectProblem } from './names.js';
import { findJob, readEntries, removeAll } from './remove.js';
import { readJobRequest } from './request.js';
import { sweeps } from './sweep.js';

/** The last documented address of the original had the second one. */
const prefixes = ['', '/researcher'];

export const runai: ApiDoor = {
  name: 'runai',
  owns: (path) => prefixes.some((prefix) => path === `${prefix}/api` || path.startsWith(`${prefix}/api/`)),
  add: (app, parts) => {
    for (const prefix of prefixes) addRoutes(app, parts, `${prefix}/api`);
  },
  answerFault,
  answerUnknownPath,
  planner: () => ({ planner: sweeps }),
};

/** Everything needs a token, also paths that do not exist. */
function addRoutes(app: Hono<ApiEnv>, parts: AppParts, root: string): void {
  const add = (path: string, methods: Methods) => addRoute(app, `${root}${path}`, methods, answerWrongMethod);
  app.use(`${root}/*`, requireCaller(parts, { door: 'runai' }));
  addJobs(add, parts, '/job');
  for (const path of ['/v1/job', '/v1/jobs']) {
    addJobs(add, parts, path);
    add(`${path}/:project`, { GET: (c) => list(c, parts, c.req.param('project')) });
    add(`${path}/:project/:name`, { GET: (c) => show(c, parts) });
  }
  add('/v1/projects', { GET: (c) => listProjects(c, parts) });
}

function addJobs(add: (path: string, methods: Methods) => void, parts: AppParts, path: string): void {
  add(path, {
    GET: (c) => list(c, parts, c.req.query('project')),
    POST: (c) => submit(c, parts),
    DELETE: (c) => remove(c, parts),
  });
}

async function submit(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const key = readIdempotencyKey(c);
  const sender = { owner: ownerOf(c.get('caller')), requester: readRequester(c) };
  const request = await readJobRequest(await readFieldsBody(c, parts.bodyLimitBytes), sender, parts);
  const job = await parts.queue.submit(request, key, reachIn(c, parts));
  markReplay(c, job);
  c.set('jobId', job.id);
  return answerJson(c, { name: job.label.name ?? '' });
}

const longestRequester = 255;

/** A label and no identity: what would break a line of a list is dropped. */
function readRequester(c: ApiContext): string | undefined {
  const text = decodeHeader(c.req.header('ra-user') ?? '')
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, '')
    .trim();
  return text === '' ? undefined : text.slice(0, longestRequester);
}

/** HTTP gives the bytes of a header one by one. Most clients mean UTF-8; others the letters of Latin-1. */
function decodeHeader(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : text;
}

async function list(c: ApiContext, parts: AppParts, project: string | undefined): Promise<Response> {
  const isWanted = readTypeFilter(c);
  if (!isProject(project)) return answerJson(c, { data: [] });
  const jobs = await parts.queue.listed({ door: 'runai', ...(project && { project }) }, reachIn(c, parts));
  return answerJobs(c, parts, jobs.filter(isWanted));
}

async function answerJobs(c: ApiContext, { queue }: AppParts, jobs: readonly Job[]): Promise<Response> {
  const places = await queue.placesOf(jobs);
  return answerJson(c, { data: jobs.map((job) => toWireJob(job, viewOf(c), places.get(job.id))) });
}

/** What cannot be the name of one has no jobs. Nothing stands for all of them. */
function isProject(project = ''): boolean {
  return project === '' || findProjectProblem(project) === undefined;
}

/** There are no jobs for inference: the word is known, and its list empty. */
const types: Readonly<Record<string, (job: Job) => boolean>> = {
  training: (job) => !isInteractive(job),
  interactive: isInteractive,
  inference: () => false,
};

function readTypeFilter(c: ApiContext): (job: Job) => boolean {
  const word = c.req.query('jobTypeFilter') ?? '';
  const type = Object.hasOwn(types, word) ? types[word] : undefined;
  if (type === undefined && word !== '') throw refusedQuery('jobTypeFilter', Object.keys(types), word);
  return type ?? (() => true);
}

async function show(c: ApiContext, parts: AppParts): Promise<Response> {
  const { project = '', name = '' } = c.req.param() as { project?: string; name?: string };
  const job = await findJob({ project, name }, { queue: parts.queue, reach: reachIn(c, parts) });
  c.set('jobId', job.id);
  return answerJobs(c, parts, [job]);
}

async function listProjects(c: ApiContext, parts: AppParts): Promise<Response> {
  const jobs = await parts.queue.listed({ door: 'runai' }, reachIn(c, parts));
  return answerJson(c, { data: toWireProjects(jobs) });
}

/** The jobs stand in the body; some proxies drop the body of a DELETE, so one may stand in the query. */
async function remove(c: ApiContext, parts: AppParts): Promise<Response> {
  const body = await readFieldsBody(c, parts.bodyLimitBytes);
  const { name, project } = c.req.query();
  const entries = body.length === 0 && name !== undefined ? [{ name, project }] : await readEntries(body);
  const asker = { queue: parts.queue, reach: reachIn(c, parts), caller: c.get('caller') };
  return answerJson(c, await removeAll(entries, asker));
}

/** The addresses with a version show the nodes as a list. */
function viewOf(c: ApiContext): View {
  return {
    listsNodes: /^(?:\/researcher)?\/api\/v1\//.test(c.req.path),
    isDetailed: c.req.query('detail') === 'true',
  };
}

function reachIn(c: ApiContext, { access }: AppParts): Reach {
  return reachOf(c, access);
}
