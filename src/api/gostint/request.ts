// Checks the body of a GoStint submit and turns it into a job request.

import { checkFields } from '../../job/check.js';
import { RefusedError } from '../../job/errors.js';
import type { JobRequest, PayloadSource } from '../../job/job.js';
import { findForbiddenImage } from '../../job/options/image-policy.js';
import type { PolicyFor } from '../../job/options/rules.js';
import type { Owner } from '../../job/owner.js';
import { isCiphertext } from '../../job/payload/ciphertext.js';
import { Secret } from '../../job/secret.js';
import { parseJsonObject } from '../request/json.js';
import { joinProblems } from '../request/sentence.js';
import { fieldNames, toSpecFields } from './fields.js';
import { readShape, requestShape, type WireRequest } from './wire.js';

/**
 * Turns the body of a submit into a job request. It checks everything that needs no other part, and reports all problems
 * at once, while the client's one-shot tokens are still unspent.
 *
 * Throws `RefusedError`: `invalid_request`, or `forbidden` for an image that the operator does not allow.
 */
export async function readJobRequest(body: Buffer, owner: Owner, policyFor: PolicyFor): Promise<JobRequest> {
  const parsed = await parseJsonObject(body, 'the body');
  if ('problem' in parsed) throw refused([parsed.problem]);
  const shaped = readShape(requestShape, parsed.object);
  if ('problems' in shaped) throw refused(shaped.problems);
  const request = await toJobRequest(shaped.fields, owner);
  const forbidden = findForbiddenImage(request.fields.image, policyFor(request).images, fieldNames.image);
  if (forbidden.length > 0) throw new RefusedError('forbidden', joinProblems(forbidden));
  return request;
}

async function toJobRequest(wire: WireRequest, owner: Owner): Promise<JobRequest> {
  const queue = (wire.qname ?? '').toLowerCase();
  const fields = toSpecFields({ ...wire, qname: queue });
  const problems = [...(await checkWrapper(wire)), ...checkFields(fields, fieldNames)];
  if (problems.length > 0) throw refused(problems);
  const wrappedSecretId = new Secret(wire.wrap_secret_id ?? '');
  return { door: 'gostint', queue, owner, wrappedSecretId, payload: payloadOf(wire), fields };
}

/** A cubbyhole takes precedence over a payload in the request. */
function payloadOf({ cubby_token, cubby_path, payload }: WireRequest): PayloadSource {
  if (cubby_token && cubby_path)
    return { kind: 'cubbyhole', token: new Secret(cubby_token), path: cubby_path };
  return payload?.length ? { kind: 'ciphertext', ciphertext: payload } : { kind: 'none' };
}

async function checkWrapper(wire: WireRequest): Promise<string[]> {
  return [...checkWrappingToken(wire), ...checkCubbyhole(wire), ...(await checkPayload(wire))];
}

/** What Vault accepts in a token header. It is a credential, so it is never quoted, here or below. */
const tokenShape = /^[!-~]{1,4096}$/;
const aToken = 'a token of 1 to 4096 visible ASCII characters';

/** Clients look for the first two words of the first sentence. */
function checkWrappingToken({ wrap_secret_id: wrap }: WireRequest): string[] {
  if (!wrap)
    return ['Wrapping Token for the SecretID is required: expected it in `wrap_secret_id`, got nothing.'];
  return tokenShape.test(wrap) ? [] : [`Expected \`wrap_secret_id\` to be ${aToken}, got something else.`];
}

function checkCubbyhole({ cubby_token: token, cubby_path: path }: WireRequest): string[] {
  if (!token && !path) return [];
  if (!token) return ['Expected `cubby_token` beside `cubby_path`, got nothing.'];
  if (!path) return ['Expected `cubby_path` beside `cubby_token`, got nothing.'];
  const problems = [];
  if (!tokenShape.test(token)) problems.push(`Expected \`cubby_token\` to be ${aToken}, got something else.`);
  if (!isCubbyholePath(path))
    problems.push(
      'Expected `cubby_path` to be `cubbyhole/` and a plain name, such as `cubbyhole/job`, got something else.',
    );
  return problems;
}

const longestPath = 1024;

/** Only plain paths: an unusual one could lead out of the cubbyhole once the URL is built. */
function isCubbyholePath(path: string): boolean {
  if (path.length > longestPath) return false;
  const [mount, ...rest] = path.split('/');
  return mount === 'cubbyhole' && rest.length > 0 && rest.every((part) => isPlainSegment(part));
}

function isPlainSegment(part: string): boolean {
  return /^[\w~:@+=,.-]+$/.test(part) && !/^\.+$/.test(part);
}

async function checkPayload({ cubby_token, cubby_path, payload }: WireRequest): Promise<string[]> {
  if (!payload?.length || (cubby_token && cubby_path) || (await isCiphertext(payload))) return [];
  return [
    'Expected `payload` to be a ciphertext of the transit engine, `vault:v1:` and base64, got something else.',
  ];
}

function refused(problems: readonly string[]): RefusedError {
  return new RefusedError('invalid_request', joinProblems(problems));
}
