// Answers errors in gaffer's three forms.

import type { RefusalCode, RefusedError } from '../../job/errors.js';
import type { ApiContext } from '../request/env.js';
import type { Fault } from '../request/errors.js';
import { jobShape } from './template/wire.js';

type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 426 | 429 | 500 | 503;

/** Clients go by the status. `details` is ours: what was wrong, and what was expected. */
type WireError = (
  | { readonly error: string; readonly errno: number }
  | { readonly error: string; readonly reason?: string }
  | { readonly error: number; readonly reason: string }
) & { readonly details?: string };

type Form = 'manager' | 'handler' | 'framework';
type Kind = readonly [status: ErrorStatus, word: string, form: Form];

const kinds: Readonly<Record<RefusalCode, Kind>> = {
  invalid_request: [400, 'bad_request', 'handler'],
  content_refused: [400, 'bad_request', 'handler'],
  body_too_large: [413, 'body too large', 'framework'],
  token_missing: [401, 'unauthorized', 'framework'],
  token_refused: [403, 'forbidden', 'framework'],
  cubbyhole_unreadable: [500, 'internal error', 'framework'],
  not_found: [404, 'not_found', 'manager'],
  conflict: [409, 'process_conflict', 'manager'],
  name_taken: [409, 'process_conflict', 'manager'],
  key_reused: [422, 'key used before', 'framework'],
  key_in_flight: [409, 'process_conflict', 'manager'],
  queue_full: [429, 'queue is full', 'framework'],
  owner_full: [429, 'too many jobs wait', 'framework'],
  waiting_full: [503, 'too many jobs wait', 'framework'],
  rate_limited: [429, 'too many requests', 'framework'],
  overloaded: [503, 'overloaded', 'framework'],
  upgrade_required: [426, 'upgrade required', 'framework'],
  connections_full: [503, 'too many connections', 'framework'],
  forbidden: [403, 'forbidden', 'framework'],
  draining: [503, 'draining', 'framework'],
};

/** The original says no more of a missing job, a name that is taken, or a caller it does not know. */
const plain: readonly RefusalCode[] = [
  'not_found',
  'name_taken',
  'token_missing',
  'token_refused',
  'forbidden',
];

/** What a refusal is called here; `details` only where the original says no less. */
export function wordOf({ code, message }: RefusedError) {
  const [status, word] = kinds[code];
  return { status, word, details: plain.includes(code) ? undefined : message };
}

export function answerFault(c: ApiContext, fault: Fault): Response {
  if (fault.kind === 'bug')
    return answerFramework(c, 500, 'internal error', `See stint's log, request ${c.get('requestId')}.`);
  if (fault.kind === 'broken') return answerFramework(c, 500, 'internal error', fault.message);
  const [status, word, form] = kinds[fault.code];
  const details = plain.includes(fault.code) ? undefined : fault.message;
  if (form === 'framework') return answerFramework(c, status, word, details);
  if (form === 'manager') return answerError(c, status, { error: word, errno: status, ...also(details) });
  return answerBadRequest(c, reasonOf(fault.message, c.req.method), fault.message);
}

export function answerBadRequest(c: ApiContext, reason: string, details: string): Response {
  return answerError(c, 400, { error: 'bad_request', reason, details });
}

/** `bad_value`, `bad_signal`. */
export function answerBad(c: ApiContext, error: string, details: string): Response {
  return answerError(c, 400, { error, details });
}

export function answerFramework(
  c: ApiContext,
  status: ErrorStatus,
  reason: string,
  details?: string,
): Response {
  return answerError(c, status, { error: status, reason, ...also(details) });
}

export function answerUnknownPath(c: ApiContext): Response {
  return answerError(c, 404, { error: 'not_found', errno: 404 });
}

export function answerWrongMethod(c: ApiContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  return answerFramework(c, 405, 'Method Not Allowed');
}

function also(details: string | undefined): { details?: string } {
  return details === undefined ? {} : { details };
}

/** Names of what else is looked at in bodies. */
const fields: readonly string[] = [...Object.keys(jobShape), 'scale', 'signal', 'body'];

/** The field that the first problem is about: the first that is named, not counting what is quoted. */
export function reasonOf(message: string, method: string): string {
  if (method === 'PUT') return 'invalid process config';
  const words = message.replaceAll(/the name |"(?:[^"\\]|\\.)*"/g, '').match(/\w+/g) ?? [];
  return words.find((word) => fields.includes(word)) ?? 'body';
}

/** Seconds after which a retry makes sense. */
const retryAfterOf: Partial<Record<ErrorStatus, string>> = { 429: '5', 503: '5' };

const json = { 'content-type': 'application/json; charset=UTF-8' };

function answerError(c: ApiContext, status: ErrorStatus, error: WireError): Response {
  const retryAfter = retryAfterOf[status];
  if (retryAfter !== undefined) c.header('retry-after', retryAfter);
  return c.body(JSON.stringify(error), status, json);
}

export function answerJson(c: ApiContext, body: unknown, status: 200 | 201 | 202 = 200): Response {
  return c.body(JSON.stringify(body), status, json);
}

/** The original answers some questions with a bare word. */
export function answerText(c: ApiContext, text: string): Response {
  return c.body(text, 200, { 'content-type': 'text/html; charset=UTF-8' });
}
