// The door of gaffer: its paths, and the routes of sessions and jobs.

import type { Hono } from 'hono';
import { etag } from 'hono/etag';
import type { ApiDoor } from '../door.js';
import type { AppParts } from '../parts.js';
import { requireCaller } from '../request/caller.js';
import { refuseWhileDraining } from '../request/draining.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { markReplay, readIdempotencyKey } from '../request/idempotency.js';
import { addRoute } from '../request/route.js';
import { addAbout } from './about.js';
import { listSessions } from './actions.js';
import { fullName, supervisedPids, toWireForeign, toWireJob } from './answer.js';
import { openEventChannel } from './channel/event-channel.js';
import { openProcessChannel } from './channel/process-channel.js';
import { addControl } from './control.js';
import { allowOrigins } from './cors.js';
import { answerBadRequest, answerFault, answerJson, answerUnknownPath, answerWrongMethod } from './errors.js';
import { find, listLoaded, listProcesses, notFound } from './find.js';
import { commitProcess, load, replaceConfig } from './load.js';
import { addProcesses } from './process-routes.js';
import { type Add, askerOf, nameIn, readObject, tellJob } from './request.js';
import { createPlanner } from './supervision/planner.js';

const owned = /^\/(?:jobs|sessions|pids|version|ping|auth|channel|\d+)(?:\/|$)/;

const channel = /^\/(?:[1-9]\d{0,9}\/channel(?:\/[^/]+)?|channel\/websocket)\/?$/;

export const gaffer: ApiDoor = {
  name: 'gaffer',
  owns: (path) => owned.test(path),
  add: addRoutes,
  isWebSocketPath: (path) => channel.test(path),
  planner: ({ gaffer: { flapping }, drawPid }) => ({ planner: createPlanner({ flapping, drawPid }) }),
  answerFault,
  answerUnknownPath,
};

/** Everything about jobs needs a token, also paths that do not exist. */
function addRoutes(app: Hono<ApiEnv>, parts: AppParts): void {
  const add: Add = (path, methods) => addRoute(app, path, methods, answerWrongMethod);
  addChannels(add, parts); // Before what asks for a token in a header: here it may come in a message.
  const cors = allowOrigins(parts.gaffer.origins);
  for (const path of ['/jobs/*', '/sessions', '/pids', '/:pid{[1-9][0-9]*}/*'])
    app.use(path, cors, etag(), requireCaller(parts, { door: 'gaffer', alsoIn: ['x-api-key'] }));
  addAbout(app, parts, { add, cors });
  addLists(add, parts);
  addJobs(add, parts);
  addControl(add, parts);
  addProcesses(add, parts);
}

function addChannels(add: Add, parts: AppParts): void {
  add('/channel/websocket', { GET: (c) => openEventChannel(c, parts) });
  for (const path of ['/:pid{[1-9][0-9]*}/channel', '/:pid{[1-9][0-9]*}/channel/:label'])
    add(path, { GET: (c) => openProcessChannel(c, parts) });
}

function addLists(add: Add, parts: AppParts): void {
  add('/sessions', { GET: (c) => showSessions(c, parts) });
  add('/jobs', { GET: (c) => listJobs(c, parts) });
  add('/pids', { GET: (c) => listPids(c, parts) });
  add('/jobs/:session', { GET: (c) => showSession(c, parts), POST: (c) => loadJob(c, parts) });
}

function addJobs(add: Add, parts: AppParts): void {
  const job = '/jobs/:session/:label';
  add(job, {
    GET: (c) => show(c, parts),
    PUT: (c) => put(c, parts),
    DELETE: (c) => unload(c, parts),
  });
  add(`${job}/pids`, { GET: (c) => showPids(c, parts) });
  add(`${job}/commit`, { POST: (c) => addCommitted(c, parts) });
}

async function showSessions(c: ApiContext, parts: AppParts): Promise<Response> {
  return answerJson(c, { sessions: await listSessions(askerOf(c, parts)) });
}

/** Session by session, as each got its first job. */
async function listJobs(c: ApiContext, parts: AppParts): Promise<Response> {
  const jobs = await listLoaded(askerOf(c, parts));
  const bySession = new Map<string | undefined, string[]>();
  for (const { label } of jobs)
    bySession.set(label.project, [...(bySession.get(label.project) ?? []), fullName(label)]);
  return answerJson(c, { jobs: [...bySession.values()].flat() });
}

async function listPids(c: ApiContext, parts: AppParts): Promise<Response> {
  const processes = await listProcesses(askerOf(c, parts));
  return answerJson(c, { pids: processes.map(({ label }) => Number(label.name)) });
}

async function showSession(c: ApiContext, parts: AppParts): Promise<Response> {
  const { session } = nameIn(c);
  const jobs = await listLoaded(askerOf(c, parts), session);
  if (jobs.length === 0) throw notFound();
  return answerJson(c, { sessionid: session, jobs: jobs.map(({ label }) => fullName(label)) });
}

async function loadJob(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const key = readIdempotencyKey(c);
  const body = await readObject(c, parts);
  const job = await load(nameIn(c).session, body, { asker: askerOf(c, parts), settings: parts, key });
  markReplay(c, job);
  tellJob(c, job.id);
  return answerJson(c, { ok: true });
}

async function show(c: ApiContext, parts: AppParts): Promise<Response> {
  const found = await find(nameIn(c), askerOf(c, parts));
  if (found.kind === 'other') return answerJson(c, toWireForeign(found.job));
  tellJob(c, found.view.id);
  return answerJson(c, toWireJob(found.view));
}

async function put(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const name = nameIn(c);
  const body = await readObject(c, parts);
  const { name: given = name.label } = body;
  if (given !== name.label)
    return answerBadRequest(c, 'template name conflict with the path', 'Leave `name` out: the path says it.');
  await replaceConfig(name, body, { asker: askerOf(c, parts), settings: parts });
  return answerJson(c, { ok: true }, 201);
}

async function unload(c: ApiContext, parts: AppParts): Promise<Response> {
  const asker = askerOf(c, parts);
  const found = await find(nameIn(c), asker);
  const { id } = found.kind === 'loaded' ? found.view : found.job;
  tellJob(c, id);
  await asker.queue.unlist(id, asker.reach, asker.caller);
  return answerJson(c, { ok: true });
}

async function showPids(c: ApiContext, parts: AppParts): Promise<Response> {
  const found = await find(nameIn(c), askerOf(c, parts));
  return answerJson(c, { pids: found.kind === 'loaded' ? supervisedPids(found.view) : [] });
}

async function addCommitted(c: ApiContext, parts: AppParts): Promise<Response> {
  refuseWhileDraining(parts);
  const body = await readObject(c, parts, { mayBeEmpty: true });
  const settings = { asker: askerOf(c, parts), settings: parts };
  const { pid, id } = await commitProcess(nameIn(c), body, settings);
  if (id !== undefined) tellJob(c, id);
  return answerJson(c, { pid });
}
