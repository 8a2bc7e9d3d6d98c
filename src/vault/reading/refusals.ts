// Builds the errors of reading secrets: what went wrong and how the job's owner can fix it.

import { JobFailedError } from '../../job/errors.js';
import { jobLostVault, type VaultFailure } from '../client/errors.js';
import type { PathRead, Reference } from './reference.js';

/** Why a read of a path failed, for the owner of the job. */
export function readFailed(read: PathRead, failure: VaultFailure): JobFailedError {
  if (failure.isUnavailable) return jobLostVault(`read ${nameOf(read)}`, failure);
  if (failure.kind === 'denied') return readDenied(read, failure);
  if (failure.hint === 'version_deleted') return versionDeleted(read);
  return pathMissing(read, failure);
}

function readDenied(read: PathRead, failure: VaultFailure): JobFailedError {
  const { path } = read;
  if (failure.hint === 'token_gone')
    return refused(
      'token_ended',
      `Could not read ${nameOf(read)}: the job's token has ended. Give the role a longer \`token_ttl\`, or more \`token_num_uses\`.`,
      failure,
    );
  return refused(
    'permission_denied',
    `Could not read ${nameOf(read)}: the job's token lacks the capability \`read\` there. Add to a policy of the ` +
      `job's role: path "${path}" { capabilities = ["read"] }${kv2HintFor(path, ' Or correct the path: ')}`,
    failure,
  );
}

function pathMissing(read: PathRead, failure: VaultFailure): JobFailedError {
  const remedy =
    failure.hint === 'no_mount'
      ? 'No secrets engine is mounted there.'
      : failure.hint === 'kv2_path'
        ? kv2HintFor(read.path, '')
        : `Write the secret, or correct the path.${kv2HintFor(read.path, ' ')}`;
  return refused(
    'path_missing',
    `Could not read ${nameOf(read)}: there is nothing. ${remedy.trim()}`,
    failure,
  );
}

export function versionDeleted(read: PathRead): JobFailedError {
  return refused(
    'version_deleted',
    `Could not read ${nameOf(read)}: the newest version of this secret is deleted. Undelete it, or write it again.`,
  );
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

/** Names the variables and the exact path, because the owner searches for them. */
function nameOf({ path, references }: PathRead): string {
  const variables = references.map(({ variable }) => `\`${variable}\``).join(', ');
  return `\`${path}\` for the variable${references.length > 1 ? 's' : ''} ${variables}`;
}

/** KV 2 needs `data/` after its mount. We do not know the mount, and asking for it would cost a use of the token. */
function kv2HintFor(path: string, before: string): string {
  const [mount = '', second = '', ...rest] = path.split('/');
  const isPlain =
    second === '' || second === 'data' || ['auth', 'sys', 'cubbyhole', 'identity'].includes(mount);
  if (isPlain) return '';
  return `${before}In version 2 of the KV engine it is \`${[mount, 'data', second, ...rest].join('/')}\`.`;
}

function refused(code: string, message: string, cause?: VaultFailure): JobFailedError {
  return new JobFailedError('secrets_refused', code, message, cause === undefined ? {} : { cause });
}
