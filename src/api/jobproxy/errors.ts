// Answers errors as short plain text with JobProxy's statuses.

import type { RefusalCode } from '../../job/errors.js';
import type { ApiContext } from '../request/env.js';
import type { Fault } from '../request/errors.js';

type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 406 | 409 | 413 | 415 | 422 | 426 | 429 | 500 | 502 | 503;

/** The only table from refusals to JobProxy's statuses. */
const statusOf: Readonly<Record<RefusalCode, ErrorStatus>> = {
  invalid_request: 400,
  content_refused: 400,
  body_too_large: 413,
  token_missing: 401,
  token_refused: 403,
  cubbyhole_unreadable: 502,
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

/** Answers any error. A part that failed is a bad gateway here, in the words of JobProxy. */
export function answerFault(c: ApiContext, fault: Fault): Response {
  if (fault.kind === 'refused') return answerError(c, statusOf[fault.code], fault.message);
  if (fault.kind === 'broken') return answerError(c, 502, `${failedAction(c)}.  ${fault.message}`);
  const id = c.get('requestId');
  return answerError(c, 500, `stint met an error of its own; its log tells more under request id ${id}.`);
}

function failedAction({ req }: ApiContext): string {
  const [, , , action, id = ''] = req.path.split('/');
  if (action === 'submit') return 'Framework could not submit task';
  if (action === 'delete') return 'Framework could not delete task';
  return id === ''
    ? 'Framework could not show states'
    : `Framework could not show the state of task ID ${id.slice(0, 24)}`;
}

export function answerUnknownPath(c: ApiContext): Response {
  return answerError(c, 404, 'The path was not found: docs/jobproxy.md lists those below `/v1/jobproxy/`.');
}

export function answerWrongMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  return answerError(c, 405, `Expected the method to be ${allowed.join(', ')}, got ${c.req.method}.`);
}

export function answerNotAcceptable(c: ApiContext): Response {
  return answerError(c, 406, 'Expected `Accept` to allow application/json or application/xml, got neither.');
}

export function answerWrongType(c: ApiContext): Response {
  return answerError(
    c,
    415,
    'Expected `Content-Type` to be application/json or application/xml, got something else.',
  );
}

/** Seconds after which a retry makes sense. */
const retryAfterOf: Partial<Record<ErrorStatus, string>> = { 409: '1', 429: '5', 503: '5' };

function answerError(c: ApiContext, status: ErrorStatus, text: string): Response {
  const retryAfter = retryAfterOf[status];
  if (retryAfter !== undefined) c.header('retry-after', retryAfter);
  return c.body(text, status, { 'content-type': 'text/plain' });
}
