// Builds the errors of reading secrets: what went wrong and how the job's owner can fix it.

import { JobFailedError } from '../../job/errors.js';
import { jobLostVault, type VaultFailure } from '../client/errors.js';
import type { GoneVersion } from '../client/kv2-answer.js';
import type { MountFacts } from './mounts.js';
import type { PathRead, Reference } from './reference.js';

/** Why a read of a path failed, for the owner of the job. `mount` is undefined where Vault did not tell it. */
export function readFailed(read: PathRead, failure: VaultFailure, mount?: MountFacts): JobFailedError {
  if (failure.isUnavailable) return jobLostVault(`read ${nameOf(read)}`, failure);
  if (failure.kind === 'denied') return readDenied(read, failure, mount);
  if (failure.gone !== undefined) return versionGone(read, failure.gone);
  return pathMissing(read, failure, mount);
}

function readDenied(read: PathRead, failure: VaultFailure, mount: MountFacts | undefined): JobFailedError {
  const { path } = read;
  if (failure.hint === 'token_gone')
    return refused(
      'token_ended',
      `Could not read ${nameOf(read)}: the job's token has ended. Give the role a longer \`token_ttl\`, or more \`token_num_uses\`.`,
      failure,
    );
  const what = `Could not read ${nameOf(read)}: the job's token lacks the capability \`read\` there.`;
  const line = ` Add to a policy of the job's role: path "${path}" { capabilities = ["read"] }`;
  const hint = kv2HintFor(path, mount, mount === undefined ? ' Or correct the path: ' : ' ');
  const remedy = mount === undefined ? line + hint : hint || line; // A right to read a wrong path would not help.
  return refused('permission_denied', what + remedy, failure);
}

/** Whoever may read a path is shown its mount: where none is shown, there may be none. */
function pathMissing(read: PathRead, failure: VaultFailure, mount: MountFacts | undefined): JobFailedError {
  const spelling = kv2HintFor(read.path, mount, ' ');
  const remedy =
    mount === undefined
      ? `Vault shows no secrets engine there. Correct the path, or write the secret.${spelling}`
      : spelling.trim() || 'Write the secret, or correct the path.';
  return refused('path_missing', `Could not read ${nameOf(read)}: there is nothing. ${remedy}`, failure);
}

/** Deleted or destroyed, by somebody or by the secret's own \`delete_version_after\`: Vault does not tell which. */
export function versionGone(read: PathRead, gone: GoneVersion): JobFailedError {
  const { version, writtenAt, deletedAt, isDestroyed } = gone;
  const number = version === undefined ? '' : `, version ${version}`;
  const written = writtenAt === undefined ? '' : `, written at ${writtenAt},`;
  const deleted = deletedAt === undefined ? '' : ` was deleted at ${deletedAt}`;
  const what = `Could not read ${nameOf(read)}: the newest version of this secret${number}${written}`;
  if (isDestroyed) {
    const end = deleted === '' ? ' is destroyed' : ` is destroyed, after it${deleted}`;
    return refused('version_destroyed', `${what}${end}. It cannot come back: write the secret again.`);
  }
  return refused('version_deleted', `${what}${deleted || ' is deleted'}. Undelete it, or write it again.`);
}

/** Vault answered without any values: not even a deleted version. */
export function nothingThere(read: PathRead): JobFailedError {
  return refused(
    'path_missing',
    `Could not read ${nameOf(read)}: there is nothing. Write the secret, or correct the path.`,
  );
}

export function keysMissing(path: string, missing: readonly Reference[]): JobFailedError {
  const keys = missing.map(({ key, variable }) => `\`${key}\` for the variable \`${variable}\``).join(', ');
  return refused(
    'key_missing',
    `Could not find in the secret \`${path}\` the key ${keys}. Write the key, or correct the reference.`,
  );
}

/** `shown` are the warnings that may be shown. */
export function warned(read: PathRead, shown: readonly string[]): JobFailedError {
  const words = shown.length === 0 ? '' : ` (${shown.map((text) => JSON.stringify(text)).join(', ')})`;
  return refused(
    'vault_warning',
    `Could not use ${nameOf(read)}: Vault returned it with a warning${words}. Resolve it, or let the job continue with \`cont_on_warnings\`.`,
  );
}

/** Raised before anything is read: otherwise Vault would revoke the token between two reads. */
export function tooFewUses(uses: { limit: number; spent: number }, paths: number): JobFailedError {
  const needed = uses.spent + paths + 1;
  return refused(
    'too_few_uses',
    `Could not read the secrets of this job: it needs ${needed} uses of its token (${uses.spent} so far, one for each ` +
      `of ${paths} paths, one to revoke it), and the role gives ${uses.limit}. Raise its \`token_num_uses\` to ${needed} or more.`,
  );
}

/** `read`: of a single answer that is already too long. */
export function tooLarge(limitBytes: number, read?: PathRead): JobFailedError {
  const what = read === undefined ? 'the secrets of this job' : nameOf(read);
  return refused(
    'secrets_too_large',
    `Expected the values of all secrets of a job to be at most ${limitBytes} bytes together, got more for ${what}. ` +
      'Read large files from elsewhere, or ask your operator for a larger STINT_SECRETS_LIMIT.',
  );
}

/** Names the exact path and the variables, if there are any, because the owner searches for them. */
function nameOf({ path, references }: PathRead): string {
  if (references.every(({ isOptional }) => isOptional === true)) return `\`${path}\``;
  const variables = references.map(({ variable }) => `\`${variable}\``).join(', ');
  return `\`${path}\` for the variable${references.length > 1 ? 's' : ''} ${variables}`;
}

/** KV 2 wants `data/` after its mount. Where Vault does not tell the mount, it is taken to be the first part. */
function kv2HintFor(path: string, known: MountFacts | undefined, before: string): string {
  if (known !== undefined) return knownKv2HintFor(path, known, before);
  const [mount = '', second = '', ...rest] = path.split('/');
  const isPlain =
    second === '' || second === 'data' || ['auth', 'sys', 'cubbyhole', 'identity'].includes(mount);
  if (isPlain) return '';
  return `${before}In version 2 of the KV engine it is \`${[mount, 'data', second, ...rest].join('/')}\`.`;
}

function knownKv2HintFor(path: string, { path: mount, isVersioned }: MountFacts, before: string): string {
  const rest = path.slice(mount.length);
  if (!isVersioned || !path.startsWith(mount) || rest === '' || rest.startsWith('data/')) return '';
  return `${before}In version 2 of the KV engine, which is mounted there, it is \`${mount}data/${rest}\`.`;
}

function refused(code: string, message: string, cause?: VaultFailure): JobFailedError {
  return new JobFailedError('secrets_refused', code, message, cause === undefined ? {} : { cause });
}
