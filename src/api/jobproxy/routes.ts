// JobProxy's routes: submit, state, delete, ping.

import type { Hono } from 'hono';
import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import type { Job } from '../../job/job.js';
import { ownerOf, type Reach } from '../../job/owner.js';
import type { JobPage } from '../../queue/queue.js';
import type { ApiDoor } from '../door.js';
import type { AppParts } from '../parts.js';
import { readBody } from '../request/body.js';
import { reachOf, requireCaller } from '../request/caller.js';
import { refuseWhileDraining } from '../request/draining.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { markReplay, readIdempotencyKey } from '../request/idempotency.js';
import { parseJsonObject } from '../request/json.js';
import { addRoute, type Methods } from '../request/route.js';
import { charsetOf, chooseFormat, type Format, formatOfBody } from './accept.js';
import { answerState, answerStates, answerText, contentTypes, statePieces } from './answer.js';
import {
  answerFault,
  answerNotAcceptable,
  answerUnknownPath,
  answerWrongMethod,
  answerWrongType,
} from './errors.js';
import { pingText } from './ping.js';
import { toWireState } from './states.js';
import { refuseLinks } from './task/targets.js';
import { refuseForbidden, toJobRequest } from './task/task.js';
import { parseXmlTask } from './task/xml-task.js';

const prefix = '/v1/jobproxy';

export const jobproxy: ApiDoor = {
  name: 'jobproxy',
  owns: (path) => path === prefix || path.startsWith(`${prefix}/`),
  add: addRoutes,
  answerFault,
  answerUnknownPath,
};

/** All but ping need a token. */
function addRoutes(app: Hono<ApiEnv>, parts: AppParts): void {
  const add = (path: string, methods: Methods) =>
    addRoute(app, `${prefix}${path}`, methods, answerWrongMethod);
  add('/ping', { GET: (c) => answerText(c, pingText()) });
  for (const path of ['/submit', '/state/*', '/delete/*'])
    app.use(`${prefix}${path}`, requireCaller(parts, { door: 'jobproxy' }));
  add('/submit', { POST: (c) => submit(c, parts) });
  add('/state', { GET: (c) => list(c, parts) });
  add('/state/:id', { GET: (c) => show(c, parts) });
  add('/delete/:id', { DELETE: (c) => remove(c, parts) });
}

/** What starts a container takes 2 MiB at most. XML is read at a few megabytes a second. */
const largestTaskBytes = 4 * 1024 * 1024;

/** Answers the bare id whatever `Accept` says: clients made from the published model ask for JSON here. */
async function submit(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const key = readIdempotencyKey(c);
  const body = await readBody(c, Math.min(parts.bodyLimitBytes, largestTaskBytes));
  const contentType = c.req.header('content-type');
  const format = formatOfBody(contentType, body);
  if (format === undefined) return answerWrongType(c);
  const parsed = await parseTask(body, format, contentType);
  if ('problem' in parsed) throw new RefusedError('invalid_request', parsed.problem);
  const request = toJobRequest(parsed.object, ownerOf(c.get('caller')), parts.jobproxy);
  refuseForbidden(request, parts.policyFor(request));
  await refuseLinks(request, parts.jobproxy.outputRoot);
  const job = await parts.queue.submit(request, key, reachIn(c, parts));
  markReplay(c, job);
  c.set('jobId', job.id);
  return answerText(c, job.id);
}

function parseTask(body: Buffer, format: Format, contentType: string | undefined) {
  return format === 'json' ? parseJsonObject(body, 'the body') : parseXmlTask(body, charsetOf(contentType));
}

async function show(c: ApiContext, parts: AppParts): Promise<Response> {
  const format = chooseFormat(c.req.header('accept'));
  if (format === undefined) return answerNotAcceptable(c);
  const job = await findTask(c, parts);
  const opened = await parts.queue.openOutput(job.id, reachIn(c, parts));
  if ('whole' in opened) return answerState(c, toWireState(job, opened.whole), format);
  return parts.longAnswers.answer(c, statePieces(job, opened.long, format), contentTypes[format]);
}

/** Deleted tasks are gone for this door, though their jobs stay for others. */
async function findTask(c: ApiContext, parts: AppParts): Promise<Job> {
  const id = parseJobId(c.req.param('id') ?? '');
  if (id === undefined) throw unknownTask();
  c.set('jobId', id);
  const job = await parts.queue.get(id, reachIn(c, parts));
  if (job.unlistedAt !== undefined) throw unknownTask();
  return job;
}

function unknownTask(): RefusedError {
  return new RefusedError('not_found', 'not found');
}

function reachIn(c: ApiContext, { access }: AppParts): Reach {
  return reachOf(c, access);
}

async function list(c: ApiContext, parts: AppParts): Promise<Response> {
  const format = chooseFormat(c.req.header('accept'));
  if (format === undefined) return answerNotAcceptable(c);
  const { jobs, total } = await readTasks(parts, reachIn(c, parts));
  c.header('x-total-count', String(total));
  return answerStates(
    c,
    jobs.map((job) => toWireState(job, job.output)),
    format,
  );
}

/** JobProxy has no pages. Its list shows so many of the newest tasks; a header tells how many there are. */
const mostListed = 1000;
const pageSize = 100;

/** Tasks that arrive in between move the others to later places, so one may be read twice. */
async function readTasks({ queue }: AppParts, reach: Reach): Promise<JobPage> {
  const found = new Map<string, JobPage['jobs'][number]>();
  for (let skip = 0; ; skip += pageSize) {
    const page = await queue.list({ skip, limit: pageSize, door: 'jobproxy' }, reach);
    for (const job of page.jobs) found.set(job.id, job);
    if (skip + pageSize >= Math.min(page.total, mostListed))
      return { jobs: [...found.values()], total: page.total };
  }
}

async function remove(c: ApiContext, parts: AppParts): Promise<Response> {
  const { id } = await findTask(c, parts);
  await parts.queue.unlist(id, reachIn(c, parts), c.get('caller'));
  return c.body(null, 204);
}
