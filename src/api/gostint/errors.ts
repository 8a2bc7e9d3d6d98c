// Answers errors with the HTTP status and the fixed texts that GoStint clients expect.

import type { RefusalCode } from '../../job/errors.js';
import type { ApiContext } from '../request/env.js';
import type { Fault } from '../request/errors.js';

/** The HTTP statuses of GoStint's door for errors. */
type ErrorStatus = 400 | 403 | 404 | 405 | 409 | 413 | 422 | 426 | 429 | 500 | 503;

interface ErrorKind {
  readonly http: ErrorStatus;
  /** The fixed text by which clients distinguish errors. */
  readonly status: string;
}

const invalidJob: ErrorKind = { http: 400, status: 'Invalid job request.' };
export const invalidRequest: ErrorKind = { http: 400, status: 'Invalid request.' };
const internal: ErrorKind = { http: 500, status: 'Internal Error.' };
const notFound: ErrorKind = { http: 404, status: 'Not Found.' };

/** The only table from refusals to GoStint's answers. An unreadable cubbyhole was a server error there, and stays one. */
const kinds: Readonly<Record<RefusalCode, ErrorKind>> = {
  invalid_request: invalidJob,
  content_refused: invalidJob,
  body_too_large: { http: 413, status: 'Invalid job request.' },
  token_missing: invalidRequest,
  token_refused: { http: 403, status: 'Permission Denied.' },
  cubbyhole_unreadable: internal,
  not_found: notFound,
  conflict: invalidJob,
  name_taken: { http: 409, status: 'Conflict.' },
  key_reused: { http: 422, status: 'Invalid job request.' },
  key_in_flight: { http: 409, status: 'Conflict.' },
  queue_full: { http: 429, status: 'Too Many Requests.' },
  owner_full: { http: 429, status: 'Too Many Requests.' },
  waiting_full: { http: 503, status: 'Service Unavailable.' },
  rate_limited: { http: 429, status: 'Too Many Requests.' },
  overloaded: { http: 503, status: 'Service Unavailable.' },
  upgrade_required: { http: 426, status: 'Upgrade Required.' },
  connections_full: { http: 503, status: 'Service Unavailable.' },
  forbidden: { http: 403, status: 'Permission Denied.' },
  draining: { http: 503, status: 'Service Unavailable.' },
};

/** Answers any error in GoStint's format. */
export function answerFault(c: ApiContext, fault: Fault): Response {
  if (fault.kind === 'refused') return answerError(c, kinds[fault.code], fault.message);
  if (fault.kind === 'broken') return answerError(c, internal, fault.message);
  const id = c.get('requestId');
  return answerError(
    c,
    internal,
    `stint met an error of its own; its log tells more under request id ${id}.`,
  );
}

export function answerUnknownPath(c: ApiContext): Response {
  return answerError(
    c,
    notFound,
    'The path was not found: the README lists those below `/v1/api/`, `GET /stint/v1/openapi.json` those below `/stint/v1/`.',
  );
}

/** For a path with a `%` that is not followed by two hex digits, or with escapes that are not UTF-8. */
export function answerBadPath(c: ApiContext): Response {
  return answerError(c, invalidRequest, 'Expected the path to be percent-encoded UTF-8, got something else.');
}

export function answerWrongMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  const expected = `Expected the method to be ${allowed.join(', ')}, got ${c.req.method}.`;
  return answerError(c, { http: 405, status: 'Method Not Allowed.' }, expected);
}

export function answerError(c: ApiContext, kind: ErrorKind, error: string): Response {
  const retryAfter = retryAfterOf[kind.http];
  if (retryAfter !== undefined) c.header('retry-after', retryAfter);
  return answerJson(c, { status: kind.status, error }, kind.http);
}

/** Seconds after which a retry makes sense. */
const retryAfterOf: Partial<Record<ErrorStatus, string>> = { 409: '1', 429: '5', 503: '5' };

/** With the character set, as GoStint sends it: some of its clients compare the whole header. */
export const jsonType = 'application/json; charset=utf-8';

export function answerJson(c: ApiContext, body: object, status: 200 | ErrorStatus = 200): Response {
  return c.body(JSON.stringify(body), status, { 'content-type': jsonType });
}
