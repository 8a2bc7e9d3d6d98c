// The routes of stint itself, for operators: queues, nodes, jobs, the history, the reaper, OpenAPI.

import type { Hono } from 'hono';
import { toHeadJson } from '../../job/audit/head.js';
import { RefusedError } from '../../job/errors.js';
import { ownerOf } from '../../job/owner.js';
import type { OperatorArea } from '../../job/rights/rights.js';
import type { ReapCandidate } from '../../queue/maintenance/reaper.js';
import type { NodeView, Operations, QueueDetail } from '../../queue/operations.js';
import type { ApiDoor } from '../door.js';
import type { AppParts } from '../parts.js';
import { reachOf, requireCaller } from '../request/caller.js';
import type { ApiContext, ApiEnv, ApiMiddleware } from '../request/env.js';
import { addRoute, type Methods } from '../request/route.js';
import {
  toWireCandidate,
  toWireJobDetail,
  toWireNode,
  toWireQueue,
  toWireQueueDetail,
  toWireSecretReads,
} from './answer.js';
import { openApiDocument } from './openapi.js';
import { forOperators } from './operators.js';
import { answerNoSuchMethod, answerNoSuchPath, answerProblem } from './problem.js';
import {
  readJobId,
  readNodeId,
  readPage,
  readQueueName,
  readReason,
  readSecretChoice,
  readSettings,
} from './read.js';

const nativePrefix = '/stint/v1';

/** stint's own door, which cannot be switched off. */
export const native: ApiDoor = {
  name: undefined,
  owns: (path) => path.startsWith(`${nativePrefix}/`),
  add: addRoutes,
  answerFault: answerProblem,
  answerUnknownPath: answerNoSuchPath,
};

/** All routes but the OpenAPI document need a token. All need a right of operators, except to show a job. */
function addRoutes(app: Hono<ApiEnv>, parts: AppParts): void {
  const add = (path: string, methods: Methods) =>
    addRoute(app, `${nativePrefix}${path}`, methods, answerNoSuchMethod);
  const guarded = (area: OperatorArea, methods: Methods) => forOperators(parts, area, methods);
  const { operations, reaper } = parts;
  const document = openApiDocument(nativePrefix);
  add('/openapi.json', { GET: (c) => c.json(document) }); // Before the token is asked for: it needs none.
  app.use(`${nativePrefix}/*`, requireCaller(parts, { mayRemember: true }), requireDecodablePath);
  add('/queues', guarded('queues', { GET: (c) => listQueues(c, operations) }));
  add('/queues/:name', guarded('queues', { GET: (c) => answerQueue(c, operations.queue(readQueueName(c))) }));
  add('/queues/:name/pause', guarded('queues', { POST: (c) => pause(c, operations) }));
  add('/queues/:name/resume', guarded('queues', { POST: (c) => resume(c, operations) }));
  add('/queues/:name/release', guarded('queues', { POST: (c) => release(c, operations) }));
  add('/queues/:name/settings', guarded('queues', { PUT: (c) => configure(c, operations) }));
  add('/nodes', guarded('nodes', { GET: (c) => answerNodes(c, operations.nodes()) }));
  add('/nodes/:id/drain', guarded('nodes', { POST: (c) => setDraining(c, operations, true) }));
  add('/nodes/:id/undrain', guarded('nodes', { POST: (c) => setDraining(c, operations, false) }));
  add('/jobs/:id', { GET: (c) => showJob(c, parts) });
  add('/jobs/:id/kill', guarded('jobs', { POST: (c) => kill(c, parts) }));
  add('/jobs/:id/finalise', guarded('jobs', { POST: (c) => finalise(c, operations) }));
  add('/secrets', guarded('audit', { GET: (c) => listSecretReads(c, operations) }));
  add('/audit/head', guarded('audit', { GET: async (c) => c.json(toHeadJson(await operations.head())) }));
  add(
    '/reaper',
    guarded('reaper', {
      GET: (c) => answerCandidates(c, reaper.dryRun()),
      POST: (c) => answerCandidates(c, reaper.run()),
    }),
  );
}

/** Without this check an invalid escape would be taken as part of a name. */
const requireDecodablePath: ApiMiddleware = async (c, next) => {
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch {
    throw new RefusedError(
      'invalid_request',
      'Expected the path to be percent-encoded UTF-8, got something else.',
    );
  }
  await next();
};

function actorOf(c: ApiContext): string {
  return ownerOf(c.get('caller')).key;
}

async function listQueues(c: ApiContext, operations: Operations): Promise<Response> {
  const queues = await operations.queues(readPage(c));
  return c.json({ queues: queues.map(toWireQueue) });
}

async function answerQueue(c: ApiContext, queue: Promise<QueueDetail>): Promise<Response> {
  return c.json(toWireQueueDetail(await queue));
}

async function pause(c: ApiContext, operations: Operations): Promise<Response> {
  const name = readQueueName(c);
  return answerQueue(c, operations.pause(name, { actor: actorOf(c), reason: await readReason(c) }));
}

async function resume(c: ApiContext, operations: Operations): Promise<Response> {
  return answerQueue(c, operations.resume(readQueueName(c), actorOf(c)));
}

async function release(c: ApiContext, operations: Operations): Promise<Response> {
  const name = readQueueName(c);
  return answerQueue(c, operations.release(name, { actor: actorOf(c), reason: await readReason(c) }));
}

async function configure(c: ApiContext, operations: Operations): Promise<Response> {
  const name = readQueueName(c);
  return answerQueue(c, operations.configure(name, await readSettings(c), actorOf(c)));
}

async function answerNodes(c: ApiContext, nodes: Promise<readonly NodeView[]>): Promise<Response> {
  return c.json({ nodes: (await nodes).map(toWireNode) });
}

async function setDraining(c: ApiContext, operations: Operations, draining: boolean): Promise<Response> {
  return answerNodes(c, operations.setDraining(readNodeId(c), draining, actorOf(c)));
}

async function showJob(c: ApiContext, parts: AppParts): Promise<Response> {
  const id = readJobId(c);
  return c.json(toWireJobDetail(await parts.operations.job(id, reachOf(c, parts.access))));
}

/** Of anybody's job, at whichever door it came in. */
async function kill(c: ApiContext, { queue, operations }: AppParts): Promise<Response> {
  const id = readJobId(c);
  await queue.kill(id, { everyone: true }, c.get('caller'), await readReason(c));
  return c.json(toWireJobDetail(await operations.job(id, { everyone: true })));
}

async function finalise(c: ApiContext, operations: Operations): Promise<Response> {
  const id = readJobId(c);
  const detail = await operations.finalise(id, { actor: actorOf(c), reason: await readReason(c) });
  return c.json(toWireJobDetail(detail));
}

async function listSecretReads(c: ApiContext, operations: Operations): Promise<Response> {
  const choice = readSecretChoice(c);
  return c.json(toWireSecretReads(choice, await operations.secretReads(choice)));
}

async function answerCandidates(c: ApiContext, found: Promise<ReapCandidate[]>): Promise<Response> {
  return c.json({ containers: (await found).map(toWireCandidate) });
}
