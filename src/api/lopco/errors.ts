// Answers errors as LOPCO does: with a status and an empty body. What was wrong is in the server's log.

import type { RefusalCode } from '../../job/errors.js';
import { RefusedError } from '../../job/errors.js';
import type { ApiLog } from '../parts.js';
import type { ApiContext, ApiMiddleware } from '../request/env.js';
import type { Fault } from '../request/errors.js';
import { joinProblems } from '../request/sentence.js';

type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 426 | 429 | 500 | 503;

/** The only table from refusals to LOPCO's statuses. */
const statusOf: Readonly<Record<RefusalCode, ErrorStatus>> = {
  invalid_request: 400,
  content_refused: 400,
  body_too_large: 413,
  token_missing: 401,
  token_refused: 403,
  cubbyhole_unreadable: 500,
  not_found: 404,
  conflict: 409,
  name_taken: 409,
  key_reused: 422,
  key_in_flight: 409,
  queue_full: 429,
  owner_full: 429,
  waiting_full: 503,
  rate_limited: 429,
  overloaded: 503,
  upgrade_required: 426,
  connections_full: 503,
  forbidden: 403,
  draining: 503,
};

export function answerFault(c: ApiContext, fault: Fault): Response {
  return answerStatus(c, fault.kind === 'refused' ? statusOf[fault.code] : 500);
}

export function answerUnknownPath(c: ApiContext): Response {
  return answerStatus(c, 404);
}

export function answerWrongMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  return answerStatus(c, 405);
}

/** Seconds after which a retry makes sense. */
const retryAfterOf: Partial<Record<ErrorStatus, string>> = { 429: '5', 503: '5' };

export function answerStatus(c: ApiContext, status: 200 | ErrorStatus): Response {
  const retryAfter = status === 200 ? undefined : retryAfterOf[status];
  if (retryAfter !== undefined) c.header('retry-after', retryAfter);
  return c.body(null, status);
}

export function answerJson(c: ApiContext, body: unknown): Response {
  return c.body(JSON.stringify(body), 200, { 'content-type': 'application/json' });
}

/** Clients repeat a refused request for ever and show no reason: the operator has to see it. */
export function logRefusals(log: ApiLog): ApiMiddleware {
  return async (c, next) => {
    await next();
    const { error } = c;
    if (!(error instanceof RefusedError) || !told.includes(error.code)) return;
    const facts = { requestId: c.get('requestId'), refusal: error.code, reason: error.message };
    log.warn("Refused a request of LOPCO's clients, who get no reason.", facts);
  };
}

const told: readonly RefusalCode[] = ['invalid_request', 'forbidden', 'body_too_large', 'conflict'];

export function refused(problems: readonly string[]): RefusedError {
  return new RefusedError('invalid_request', joinProblems(problems));
}
