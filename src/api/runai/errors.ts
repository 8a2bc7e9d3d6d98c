// Answers errors in Run:AI's form: status, a short message, and what it is about.

import { type RefusalCode, RefusedError } from '../../job/errors.js';
import type { ApiContext } from '../request/env.js';
import type { Fault } from '../request/errors.js';
import { joinProblems, quote } from '../request/sentence.js';

type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 426 | 429 | 500 | 503;

/** The general error of the API; the status is that of HTTP. */
export interface WireError {
  readonly status: ErrorStatus;
  readonly message: string;
  readonly details: string;
}

type Kind = readonly [status: ErrorStatus, message: string];

const kinds: Readonly<Record<RefusalCode, Kind>> = {
  invalid_request: [400, 'invalid job'],
  content_refused: [400, 'invalid job'],
  body_too_large: [413, 'body too large'],
  token_missing: [401, 'unauthorized'],
  token_refused: [403, 'forbidden'],
  cubbyhole_unreadable: [500, 'internal error'],
  not_found: [404, 'job not found'],
  conflict: [409, 'conflict'],
  name_taken: [409, 'job already exists'],
  key_reused: [422, 'key used before'],
  key_in_flight: [409, 'conflict'],
  queue_full: [429, 'queue is full'],
  owner_full: [429, 'too many jobs wait'],
  waiting_full: [503, 'too many jobs wait'],
  rate_limited: [429, 'too many requests'],
  overloaded: [503, 'overloaded'],
  upgrade_required: [426, 'upgrade required'],
  connections_full: [503, 'too many connections'],
  forbidden: [403, 'forbidden'],
  draining: [503, 'draining'],
};

export function errorOf(fault: Exclude<Fault, { kind: 'bug' }>): WireError {
  const [status, message]: Kind = fault.kind === 'refused' ? kinds[fault.code] : [500, 'internal error'];
  return { status, message, details: status === 401 ? '' : fault.message };
}

/** Answers any error in the form of this door. */
export function answerFault(c: ApiContext, fault: Fault): Response {
  if (fault.kind !== 'bug') return answerError(c, errorOf(fault));
  const details = `stint met an error of its own; its log tells more under request id ${c.get('requestId')}.`;
  return answerError(c, { status: 500, message: 'internal error', details });
}

export function answerUnknownPath(c: ApiContext): Response {
  const details = 'The path was not found: docs/runai.md lists those of this API.';
  return answerError(c, { status: 404, message: 'not found', details });
}

export function answerWrongMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  const details = `Expected the method to be ${allowed.join(', ')}, got ${c.req.method}.`;
  return answerError(c, { status: 405, message: 'method not allowed', details });
}

/** Seconds after which a retry makes sense. */
const retryAfterOf: Partial<Record<RefusalCode | ErrorStatus, string>> = { 429: '5', 503: '5' };

function answerError(c: ApiContext, error: WireError): Response {
  const retryAfter = retryAfterOf[error.status];
  if (retryAfter !== undefined) c.header('retry-after', retryAfter);
  return c.body(JSON.stringify(error), error.status, json);
}

/** Without a character set, as the wire page has it. */
const json = { 'content-type': 'application/json' };

export function answerJson(c: ApiContext, body: unknown): Response {
  return c.body(JSON.stringify(body), 200, json);
}

/** Clients know some of the sentences without a full stop: alone they have none. */
export function refused(problems: readonly string[]): RefusedError {
  const sentences = problems.length < 2 ? problems : problems.map((each) => each.replace(/\.?$/, '.'));
  return new RefusedError('invalid_request', joinProblems(sentences));
}

/** Completes the refusal of a query. */
export function refusedQuery(name: string, words: readonly string[], got: string): RefusedError {
  return refused([`Expected \`${name}\` to be one of ${words.join(', ')}, got ${quote(got)}.`]);
}
