// Reads the secrets of a job from Vault and picks the values that its references name.

import { createHash } from 'node:crypto';
import type { ReadOptions } from '../../executor/secrets.js';
import type { SecretRead } from '../../job/audit/secret-read.js';
import { JobFailedError } from '../../job/errors.js';
import { Secret } from '../../job/secret.js';
import { toVaultFailure } from '../client/errors.js';
import { jsonText } from '../client/exact-json.js';
import { goneVersionOf, looksVersioned } from '../client/kv2-answer.js';
import { pathOf } from '../client/path.js';
import { countAt, type Fields, isFields, optionalTextAt, textsAt } from '../client/shape.js';
import type { JobToken } from '../session/job-token.js';
import type { Grant } from '../session/renewal.js';
import type { KnownMounts } from './mounts.js';
import type { PathRead } from './reference.js';
import {
  keysMissing,
  nothingThere,
  readFailed,
  tooFewUses,
  tooLarge,
  versionGone,
  warned,
} from './refusals.js';

/** What is read with. */
export interface Reader {
  readonly token: JobToken;
  readonly mounts: KnownMounts;
  /** For all values of a job together. */
  readonly limitBytes: number;
}

/** Of one answer: every character of a value may be escaped, and it has other fields. */
function answerLimit(limitBytes: number): number {
  return 2 * limitBytes + 64 * 1024;
}

/**
 * Reads all paths, some at once, each with one use of the token. When several fail, the error names them all.
 *
 * Throws `JobFailedError`: `too_few_uses`, `permission_denied`, `path_missing`, `version_deleted`,
 * `version_destroyed`, `key_missing`, `vault_warning`, `secrets_too_large`, `token_ended`, or `vault_unavailable` when Vault stays unavailable.
 */
export async function readSecrets(
  reader: Reader,
  reads: readonly PathRead[],
  rules: ReadOptions,
): Promise<Map<string, Secret>> {
  const { token } = reader;
  if (reads.length > token.uses.spare) throw tooFewUses(token.uses, reads.length);
  const given: SecretRead[] = [];
  const tracker = { ...reader, given, room: new Room(reader.limitBytes) };
  const results = await settleInTurns(reads, (read) => readPath(tracker, read, rules));
  if (given.length > 0) await rules.onRead?.(given);
  const failed = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failed.length > 0) throw joinFailures(failed);
  return new Map(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
}

/** Vault is asked for so many paths of one job at once. */
const mostAtOnce = 16;

/** In the order given, each as soon as one before it has settled. */
async function settleInTurns<A, B>(
  list: readonly A[],
  ask: (entry: A) => Promise<B>,
): Promise<PromiseSettledResult<B>[]> {
  const results: PromiseSettledResult<B>[] = [];
  const entries = list.entries();
  const askOn = async () => {
    for (const [index, entry] of entries) {
      const [settled] = await Promise.allSettled([ask(entry)]);
      if (settled !== undefined) results[index] = settled;
    }
  };
  await Promise.all(Array.from({ length: mostAtOnce }, askOn));
  return results;
}

/** A message names so many failures. */
const mostNamed = 20;

/** Anything but a `JobFailedError` is a bug and takes precedence. */
function joinFailures(failures: readonly unknown[]): unknown {
  const bug = failures.find((failure) => !(failure instanceof JobFailedError));
  if (bug !== undefined) return bug;
  const [first, ...others] = failures.filter((failure) => failure instanceof JobFailedError);
  if (first === undefined || others.length === 0) return first;
  const messages = [...new Set([first, ...others].map((failure) => failure.message))];
  const named = messages.slice(0, mostNamed);
  const rest = messages.length - named.length;
  const message = [...named, ...(rest > 0 ? [`There are ${rest} more such failures.`] : [])].join('\n');
  return new JobFailedError(first.reason, first.code, message, { cause: first, alarm: first.alarm });
}

interface Tracker extends Reader {
  /** What Vault gave so far. */
  readonly given: SecretRead[];
  readonly room: Room;
}

/** For the values of one job. Once it is too small nothing more is asked for. */
class Room {
  readonly #limitBytes: number;
  #taken = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Throws `JobFailedError`: `secrets_too_large`. */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken > this.#limitBytes) throw tooLarge(this.#limitBytes);
  }
}

async function readPath(reader: Tracker, read: PathRead, rules: ReadOptions): Promise<[string, Secret][]> {
  reader.room.take(0);
  const { reply, leaseId } = await askForPath(reader, read);
  const { values, version } = await valuesOf(reader, read, reply);
  const wanted = read.references.filter(
    ({ key, isOptional }) => isOptional !== true || Object.hasOwn(values, key),
  );
  reader.given.push({
    path: read.path,
    keys: [...new Set(wanted.map(({ key }) => key))],
    version,
    leaseHash: leaseId === '' ? undefined : createHash('sha256').update(leaseId).digest('hex'),
  });
  const warnings = textsAt(reply, 'warnings');
  if (warnings.length > 0 && !rules.continueOnWarnings) throw warned(read, showable(warnings, values));
  const missing = wanted.filter(({ key }) => !Object.hasOwn(values, key));
  if (missing.length > 0) throw keysMissing(read.path, missing);
  return wanted.map(({ variable, key }) => [variable, secretOf(values[key], reader.room)]);
}

function secretOf(value: unknown, room: Room): Secret {
  const text = jsonText(value);
  room.take(Buffer.byteLength(text));
  return new Secret(text);
}

/** A lease that comes with the answer is renewed from here on, also when the job does not use its values. */
async function askForPath(
  { token, mounts, limitBytes }: Reader,
  read: PathRead,
): Promise<{ reply: Fields; leaseId: string }> {
  const request = { method: 'GET', path: pathOf(read.path), limitBytes: answerLimit(limitBytes) } as const;
  try {
    const { reply, leaseId, grant } = await token.ask(request, readReply);
    if (leaseId !== '') token.keepLease(leaseId, grant);
    return { reply, leaseId };
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.code === 'too_large') throw tooLarge(limitBytes, read);
    throw readFailed(
      read,
      failure,
      failure.isUnavailable ? undefined : await mounts.of(token, read.path).catch(none),
    );
  }
}

/** For a better text only: that Vault became unavailable meanwhile changes nothing about the failure. */
function none(): undefined {
  return undefined;
}

function readReply(reply: unknown): { reply: Fields; leaseId: string; grant: Grant } {
  const fields = isFields(reply) ? reply : {};
  const leaseId = optionalTextAt(fields, 'lease_id');
  const ttlMs = leaseId === '' ? 0 : countAt(fields, 'lease_duration') * 1000;
  return { reply: fields, leaseId, grant: { ttlMs, renewable: fields.renewable === true } };
}

/** The values of a secret: all that the answer holds, or in version 2 of the KV engine its `data`. */
async function valuesOf(
  reader: Reader,
  read: PathRead,
  reply: Fields,
): Promise<{ values: Fields; version?: number | undefined }> {
  const { data } = reply;
  if (!isFields(data)) throw nothingThere(read);
  if (!looksVersioned(data) || !(await isVersioned(reader, read, reply))) return { values: data };
  if (data.data === null) throw versionGone(read, goneVersionOf(data.metadata));
  return { values: data.data, version: goneVersionOf(data.metadata).version };
}

/** Asked only where the answer may be one of version 2: then the mount decides, and never the keys of the secret. */
async function isVersioned({ token, mounts }: Reader, read: PathRead, reply: Fields): Promise<boolean> {
  try {
    return (await mounts.of(token, read.path))?.isVersioned ?? isVersionedByTime(reply);
  } catch (error) {
    throw readFailed(read, toVaultFailure(error));
  }
}

/**
 * Where Vault does not tell the mount: version 1 says how long a secret is good for, version 2 never does. Only the
 * keys `ttl` and `lease` of a version 1 secret change that, and version 2 has no such keys beside its `data`.
 */
function isVersionedByTime({ lease_duration: seconds, data }: Fields): boolean {
  return seconds === 0 && isFields(data) && !Object.hasOwn(data, 'ttl') && !Object.hasOwn(data, 'lease');
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
