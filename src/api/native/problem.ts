// Answers errors of the native routes as RFC 9457 problem details.

import { STATUS_CODES } from 'node:http';
import type { BreakdownCode, RefusalCode } from '../../job/errors.js';
import type { ApiContext } from '../request/env.js';
import type { Fault } from '../request/errors.js';

type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 426 | 429 | 500 | 503;

/** The only table from refusals to HTTP statuses. */
const statusOf: Readonly<Record<RefusalCode, ProblemStatus>> = {
  invalid_request: 400,
  content_refused: 400,
  body_too_large: 413,
  token_missing: 401,
  token_refused: 401,
  cubbyhole_unreadable: 422,
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

interface Problem {
  readonly status: ProblemStatus;
  /** A stable code, more specific than the status. */
  readonly code: RefusalCode | BreakdownCode | 'method_not_allowed';
  readonly detail: string;
}

/** Answers any error as problem details. */
export function answerProblem(c: ApiContext, fault: Fault): Response {
  return answer(c, problemOf(c, fault));
}

function problemOf(c: ApiContext, fault: Fault): Problem {
  switch (fault.kind) {
    case 'refused':
      return { status: statusOf[fault.code], code: fault.code, detail: fault.message };
    case 'broken':
      return { status: fault.code === 'internal' ? 500 : 503, code: fault.code, detail: fault.message };
    case 'bug': {
      const detail = `stint met an error of its own; its log tells more under request id ${c.get('requestId')}.`;
      return { status: 500, code: 'internal', detail };
    }
  }
}

export function answerNoSuchPath(c: ApiContext): Response {
  const detail = 'The path was not found: `GET /stint/v1/openapi.json` lists those below `/stint/v1/`.';
  return answer(c, { status: 404, code: 'not_found', detail });
}

export function answerNoSuchMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  const detail = `Expected the method to be ${allowed.join(', ')}, got ${c.req.method}.`;
  return answer(c, { status: 405, code: 'method_not_allowed', detail });
}

/** RFC 9457: with type `about:blank` the status identifies the problem; `code` adds more. */
function answer(c: ApiContext, { status, code, detail }: Problem): Response {
  if (status === 401) c.header('www-authenticate', 'Bearer');
  if (status === 429 || status === 503) c.header('retry-after', '5');
  const body = { type: 'about:blank', title: STATUS_CODES[status], status, detail, code };
  return c.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' });
}
