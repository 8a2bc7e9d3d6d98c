// Reads the secrets of a job from Vault and picks the values that its references name.

import { JobFailedError } from '../../job/errors.js';
import { Secret } from '../../job/secret.js';
import { isDeletedVersion, toVaultFailure } from '../client/errors.js';
import { jsonText } from '../client/exact-json.js';
import { pathOf } from '../client/path.js';
import { countAt, type Fields, isFields, optionalTextAt, textsAt } from '../client/shape.js';
import type { JobToken } from '../session/job-token.js';
import type { Grant } from '../session/renewal.js';
import type { PathRead } from './reference.js';
import { keysMissing, nothingThere, readFailed, tooFewUses, versionDeleted, warned } from './refusals.js';

/** Limit for one answer: a KV entry has at most 1 MiB by default, its JSON may be longer. */
const secretLimitBytes = 8 * 1024 * 1024;

export interface ReadRules {
  readonly continueOnWarnings: boolean;
}

/**
 * Reads all paths at once, each with one use of the token. When several fail, the error names them all.
 *
 * Throws `JobFailedError`: `too_few_uses`, `permission_denied`, `path_missing`, `version_deleted`, `key_missing`,
 * `vault_warning`, `token_ended`, or `vault_unavailable` when Vault stays unavailable.
 */
export async function readSecrets(
  token: JobToken,
  reads: readonly PathRead[],
  rules: ReadRules,
): Promise<Map<string, Secret>> {
  if (reads.length > token.uses.spare) throw tooFewUses(token.uses, reads.length);
  const results = await Promise.allSettled(reads.map((read) => readPath(token, read, rules)));
  token.allowRenewals();
  const failed = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failed.length > 0) throw joinFailures(failed);
  return new Map(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
}

/** Anything but a `JobFailedError` is a bug and takes precedence. */
function joinFailures(failures: readonly unknown[]): unknown {
  const bug = failures.find((failure) => !(failure instanceof JobFailedError));
  if (bug !== undefined) return bug;
  const [first, ...others] = failures.filter((failure) => failure instanceof JobFailedError);
  if (first === undefined || others.length === 0) return first;
  const message = [first, ...others].map((failure) => failure.message).join('\n');
  return new JobFailedError(first.reason, first.code, message, { cause: first, alarm: first.alarm });
}

async function readPath(token: JobToken, read: PathRead, rules: ReadRules): Promise<[string, Secret][]> {
  const reply = await askForPath(token, read);
  const values = valuesOf(reply.data);
  if (values === undefined) throw isDeletedVersion(reply.data) ? versionDeleted(read) : nothingThere(read);
  const warnings = textsAt(reply, 'warnings');
  if (warnings.length > 0 && !rules.continueOnWarnings) throw warned(read, showable(warnings, values));
  const missing = read.references.filter(({ key }) => !Object.hasOwn(values, key));
  if (missing.length > 0) throw keysMissing(read.path, missing);
  return read.references.map(({ variable, key }) => [variable, new Secret(jsonText(values[key]))]);
}

/** A lease that comes with the answer is renewed from here on, also when the job does not use its values. */
async function askForPath(token: JobToken, read: PathRead): Promise<Fields> {
  const request = { method: 'GET', path: pathOf(read.path), limitBytes: secretLimitBytes } as const;
  try {
    const { reply, leaseId, grant } = await token.ask(request, readReply);
    if (leaseId !== '') token.keepLease(leaseId, grant);
    return reply;
  } catch (error) {
    throw readFailed(read, toVaultFailure(error));
  }
}

function readReply(reply: unknown): { reply: Fields; leaseId: string; grant: Grant } {
  const fields = isFields(reply) ? reply : {};
  const leaseId = optionalTextAt(fields, 'lease_id');
  const ttlMs = leaseId === '' ? 0 : countAt(fields, 'lease_duration') * 1000;
  return { reply: fields, leaseId, grant: { ttlMs, renewable: fields.renewable === true } };
}

/**
 * The values of a secret, found by the shape of the answer: KV 2 has `data` and `metadata`, both objects, within its
 * `data`. A version 1 secret with a key `data` of its own is therefore still version 1.
 */
export function valuesOf(data: unknown): Fields | undefined {
  if (!isFields(data) || isDeletedVersion(data)) return undefined;
  return isFields(data.data) && isFields(data.metadata) ? data.data : data;
}

const longestWarning = 200;

/** Vault's warnings, made safe to show: short, on one line, and none that repeats a value of the secret. */
function showable(warnings: readonly string[], values: Fields): string[] {
  const texts = Object.values(values)
    .map(jsonText)
    .filter((text) => text.length > 0);
  const isClean = (warning: string) => !texts.some((text) => warning.includes(text));
  return warnings
    .filter(isClean)
    .map((warning) => warning.slice(0, longestWarning).replaceAll(/\p{C}/gu, ' '));
}
