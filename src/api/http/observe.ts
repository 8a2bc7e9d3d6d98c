// Middleware that gives each request an id, a log line and a measurement.

import { randomUUID } from 'node:crypto';
import { matchedRoutes } from 'hono/route';
import { BrokenError, RefusedError } from '../../job/errors.js';
import type { Metrics } from '../metrics.js';
import type { ApiLog } from '../parts.js';
import type { ApiContext, ApiMiddleware } from '../request/env.js';

/** A request id from the caller must be safe for a log. */
const requestIdShape = /^[\w.-]{1,64}$/;

/** Sets the request id, the caller's own if it sent one, and the headers that every answer has. */
export const startRequest: ApiMiddleware = async (c, next) => {
  const given = c.req.header('x-request-id');
  const id = given !== undefined && requestIdShape.test(given) ? given : randomUUID();
  c.set('requestId', id);
  c.header('x-request-id', id);
  c.header('x-content-type-options', 'nosniff');
  c.header('cache-control', 'no-store');
  await next();
};

/** Writes one line and one measurement for each request, once it is answered. */
export function observeRequests(log: ApiLog, metrics: Metrics): ApiMiddleware {
  return async (c, next) => {
    const began = performance.now();
    await next();
    const ms = performance.now() - began;
    const path = patternOf(c);
    const status = c.get('isUpgraded') ? 101 : c.res.status; // A `Response` cannot say 101.
    metrics.observe({ code: status, method: c.req.method, path, seconds: ms / 1000 });
    const facts = { method: c.req.method, path, status, ms: Math.round(ms * 10) / 10 };
    write(log, c, { requestId: c.get('requestId'), jobId: c.get('jobId'), ...facts });
  };
}

/** The route's pattern, not the path as sent: a client may have put a token there by mistake. */
export function patternOf(c: ApiContext): string {
  const pattern = matchedRoutes(c).at(-1)?.path;
  return pattern === undefined || pattern === '/*' ? 'unknown' : pattern;
}

/** A refusal is logged with its code only; a failure of stint or its parts is logged with the whole error. */
function write(log: ApiLog, c: ApiContext, facts: Readonly<Record<string, unknown>>): void {
  const { error } = c;
  if (error instanceof RefusedError) log.info('Refused a request.', { ...facts, refusal: error.code });
  else if (error instanceof BrokenError) log.warn('Could not serve a request.', { ...facts, error });
  else if (error !== undefined) log.error('Failed on a bug while serving a request.', { ...facts, error });
  else log.info('Answered a request.', facts);
}
