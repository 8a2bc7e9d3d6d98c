// GoStint's routes: submit, show, list, kill and delete jobs; health, Vault info, metrics.

import type { Hono } from 'hono';
import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import { ownerOf, type Reach } from '../../job/owner.js';
import type { ApiDoor } from '../door.js';
import type { MetricsText } from '../metrics.js';
import type { AppParts } from '../parts.js';
import { readBody } from '../request/body.js';
import { reachOf, requireCaller } from '../request/caller.js';
import { refuseWhileDraining } from '../request/draining.js';
import type { ApiContext, ApiEnv } from '../request/env.js';
import { markReplay, readIdempotencyKey } from '../request/idempotency.js';
import { addRoute, type Methods } from '../request/route.js';
import { quote } from '../request/sentence.js';
import { toWireJob, wireJobPieces } from './answer.js';
import {
  answerBadPath,
  answerError,
  answerFault,
  answerJson,
  answerUnknownPath,
  answerWrongMethod,
  invalidRequest,
  jsonType,
} from './errors.js';
import { toWireHealth } from './health.js';
import { readFilter, readQuery } from './query.js';
import { readJobRequest } from './request.js';
import { statusOf } from './states.js';

type Parts = AppParts & { readonly renderMetrics: () => Promise<MetricsText> };

/** GoStint's door. It also answers what no other door owns. */
export function createGostint(renderMetrics: Parts['renderMetrics']): ApiDoor {
  return {
    name: 'gostint',
    owns: (path) => path.startsWith('/v1/api/'),
    add: (app, parts) => addRoutes(app, { ...parts, renderMetrics }),
    answerFault,
    answerUnknownPath: (c) => (isDecodable(c.req.url) ? answerUnknownPath(c) : answerBadPath(c)),
  };
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}

/** Everything below `/v1/api/job` needs a token, even paths that do not exist. */
function addRoutes(app: Hono<ApiEnv>, parts: Parts): void {
  const add = (path: string, methods: Methods) => addRoute(app, path, methods, answerWrongMethod);
  app.use('/v1/api/job/*', requireCaller(parts));
  add('/v1/api/job', { GET: (c) => list(c, parts), POST: (c) => submit(c, parts) });
  add('/v1/api/job/:id', { GET: (c) => show(c, parts), DELETE: (c) => remove(c, parts) });
  add('/v1/api/job/kill/:id', { POST: (c) => kill(c, parts) });
  add('/v1/api/health', { GET: (c) => health(c, parts) });
  add('/v1/api/vault/info', { GET: (c) => vaultInfo(c, parts) });
  add('/v1/api/metrics', { GET: (c) => metrics(c, parts) });
  add('/login', { GET: (c) => c.redirect('../', 301) });
}

async function submit(c: ApiContext, parts: Parts): Promise<Response> {
  refuseWhileDraining(parts);
  const key = readIdempotencyKey(c);
  // No variable keeps the bytes: they may be collected while the job is stored.
  const request = await readJobRequest(
    await readBody(c, parts.bodyLimitBytes),
    ownerOf(c.get('caller')),
    parts.policyFor,
  );
  const job = await parts.queue.submit(request, key, reachIn(c, parts));
  markReplay(c, job);
  c.set('jobId', job.id);
  const { warnings = [] } = job;
  const answer = { _id: job.id, status: statusOf(job), qname: job.queue ?? '' };
  return answerJson(c, warnings.length === 0 ? answer : { ...answer, warnings });
}

async function show(c: ApiContext, parts: Parts): Promise<Response> {
  const id = readId(c);
  const reach = reachIn(c, parts);
  const job = await parts.queue.get(id, reach);
  const opened = await parts.queue.openOutput(id, reach);
  if ('whole' in opened) return answerJson(c, toWireJob(job, opened.whole));
  return parts.longAnswers.answer(c, wireJobPieces(job, opened.long), jsonType);
}

async function list(c: ApiContext, parts: Parts): Promise<Response> {
  const filter = readFilter(readQuery(c.req.url));
  const { jobs, total } = await parts.queue.list(filter, reachIn(c, parts));
  const data = jobs.map((job) => toWireJob(job, job.output));
  return answerJson(c, { data, skip: filter.skip, limit: filter.limit, total });
}

/** The status is the one before the kill: clients expect to read `running` here. */
async function kill(c: ApiContext, parts: Parts): Promise<Response> {
  const job = await parts.queue.kill(readId(c), reachIn(c, parts), c.get('caller'));
  return answerJson(c, {
    _id: job.id,
    container_id: job.containerId ?? '',
    status: statusOf(job),
    kill_requested: true,
  });
}

async function remove(c: ApiContext, parts: Parts): Promise<Response> {
  const id = readId(c);
  await parts.queue.delete(id, reachIn(c, parts), c.get('caller'));
  return answerJson(c, { _id: id });
}

/** Clients look for `Invalid job ID`. */
function readId(c: ApiContext): string {
  const text = c.req.param('id') ?? '';
  const id = parseJobId(text);
  if (id === undefined)
    throw new RefusedError('invalid_request', `Invalid job ID (24 hex digits expected), got ${quote(text)}.`);
  c.set('jobId', id);
  return id;
}

function reachIn(c: ApiContext, { access }: Parts): Reach {
  return reachOf(c, access);
}

async function health(c: ApiContext, parts: Parts): Promise<Response> {
  const query = readQuery(c.req.url);
  const [counts, engine] = await Promise.all([parts.queue.counts(), readEngine(c, parts)]);
  const values = toWireHealth({ draining: parts.isDraining(), counts, engine });
  const key = query.get('k')?.[0];
  if (key === undefined) return answerJson(c, values);
  if (Object.hasOwn(values, key)) return c.text(values[key] ?? '', 200, plainText);
  return answerError(
    c,
    invalidRequest,
    `Invalid health metric key: expected \`k\` to be one of ${Object.keys(values).join(', ')}, got ${quote(key)}.`,
  );
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' };

/** Health must be answered fast, even while the engine hangs. */
const engineTimeoutMs = 500;

/** An engine that does not answer in time counts as unavailable: the other counters are answered without it. */
async function readEngine(c: ApiContext, { engineState, log }: Parts): ReturnType<Parts['engineState']> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, engineTimeoutMs, undefined);
  });
  try {
    return await Promise.race([engineState(), late]);
  } catch (error) {
    log.warn('Could not ask the engine for its state.', { requestId: c.get('requestId'), error });
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function vaultInfo(c: ApiContext, { vault }: Parts): Response {
  return answerJson(c, {
    vault_addr: vault.address,
    vault_external_addr: vault.externalAddress || vault.address,
  });
}

async function metrics(c: ApiContext, parts: Parts): Promise<Response> {
  const { type, text } = await parts.renderMetrics();
  return c.body(text, 200, { 'content-type': type });
}
