// The routes of the two registries: machines, and the pipelines that their data go through.

import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { RefusedError } from '../../job/errors.js';
import { findForbiddenImage } from '../../job/options/image-policy.js';
import { ownerOf } from '../../job/owner.js';
import type { RegistryKind } from '../../queue/registry.js';
import type { AppParts } from '../parts.js';
import { reachOf } from '../request/caller.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { addRoute } from '../request/route.js';
import { joinProblems, quote } from '../request/sentence.js';
import { isJson, readObject } from './body.js';
import { answerJson, answerStatus, answerWrongMethod, refused } from './errors.js';
import type { Stage } from './pipeline/model.js';
import { readMachine, readPipeline } from './pipeline/read-pipeline.js';
import { workersPlace } from './request.js';

/** The paths below their roots, which the door owns. A registry that is elsewhere has none here: nobody would read what it gets. */
export function addRegistries(app: Hono<ApiEnv>, parts: AppParts): void {
  const { machine, pipeline } = parts.lopco.registries;
  if (machine === undefined) addMachines(app, parts);
  if (pipeline === undefined) addPipelines(app, parts);
}

function addMachines(app: Hono<ApiEnv>, parts: AppParts): void {
  const machines = '/machine-registry/machines';
  addRoute(app, machines, { GET: (c) => list(c, parts, 'machine') }, answerWrongMethod);
  addOne(app, `${machines}/:id`, parts, 'machine');
}

function addPipelines(app: Hono<ApiEnv>, parts: AppParts): void {
  const pipelines = '/pipeline-registry/pipelines';
  const add = (c: ApiContext) => addPipeline(c, parts);
  addRoute(app, pipelines, { GET: (c) => list(c, parts, 'pipeline'), POST: add }, answerWrongMethod);
  addOne(app, `${pipelines}/:id`, parts, 'pipeline');
}

function addOne(app: Hono<ApiEnv>, path: string, parts: AppParts, kind: RegistryKind): void {
  const methods = {
    GET: (c: ApiContext) => show(c, parts, kind),
    PUT: (c: ApiContext) => put(c, parts, kind),
    DELETE: (c: ApiContext) => remove(c, parts, kind),
  };
  addRoute(app, path, methods, answerWrongMethod);
}

async function list(c: ApiContext, { registry, access }: AppParts, kind: RegistryKind): Promise<Response> {
  const reach = reachOf(c, access);
  if (c.req.query('full') !== 'true') return answerJson(c, await registry.ids(kind, reach));
  const entries = await registry.list(kind, reach);
  return answerJson(c, Object.fromEntries(entries.map(({ id, document }) => [id, document])));
}

async function show(c: ApiContext, { registry, access }: AppParts, kind: RegistryKind): Promise<Response> {
  const document = await registry.get(kind, idIn(c), reachOf(c, access));
  if (document === undefined) throw new RefusedError('not_found', 'not found');
  return answerJson(c, document);
}

async function put(c: ApiContext, parts: AppParts, kind: RegistryKind): Promise<Response> {
  if (!isJson(c)) return answerStatus(c, 415);
  await store(c, parts, kind, idIn(c));
  return answerStatus(c, 200);
}

async function addPipeline(c: ApiContext, parts: AppParts): Promise<Response> {
  const id = randomUUID();
  await store(c, parts, 'pipeline', id);
  return answerJson(c, { resource: id });
}

/** The document is kept as it was sent; what jobs will read of it must be right. */
async function store(c: ApiContext, parts: AppParts, kind: RegistryKind, id: string): Promise<void> {
  const document = await readObject(c, parts);
  const read = kind === 'machine' ? readMachine(document) : readPipeline(document);
  if ('problems' in read) throw refused(read.problems);
  if ('stages' in read) refuseForbiddenImages(read.stages, parts);
  const caller = c.get('caller');
  await parts.registry.put({ kind, id, document }, ownerOf(caller), reachOf(c, parts.access));
}

/** Looked at again when a worker starts: the document may be older than what the operator allows. */
function refuseForbiddenImages(stages: readonly Stage[], { policyFor }: AppParts): void {
  const { images } = policyFor(workersPlace);
  const forbidden = stages.flatMap(({ id, image }) =>
    findForbiddenImage(image, images, `worker.image of stage ${quote(id)}`),
  );
  if (forbidden.length > 0) throw new RefusedError('forbidden', joinProblems(forbidden));
}

async function remove(c: ApiContext, { registry, access }: AppParts, kind: RegistryKind): Promise<Response> {
  const caller = c.get('caller');
  const by = { reach: reachOf(c, access), actor: ownerOf(caller).key };
  if (!(await registry.delete(kind, idIn(c), by))) throw new RefusedError('not_found', 'not found');
  return answerStatus(c, 200);
}

/** What no document can have as its id is not looked up: Postgres would not even take all of it. */
function idIn(c: ApiContext): string {
  const id = c.req.param('id') ?? '';
  if (id.length <= 255 && id.isWellFormed() && !/\p{Cc}/u.test(id)) return id;
  throw refused(['The id must be at most 255 characters without control characters, got something else.']);
}
