// A session on a login that is not its own: the jobs of one parent share one.

import type { LoginTerms, ReadOptions, SecretSession, SecretValues } from '../../executor/secrets.js';
import { BrokenError, JobFailedError } from '../../job/errors.js';
import type { Secret } from '../../job/secret.js';
import { readSecrets } from '../reading/read.js';
import { groupReferences, keysRead, type PathRead } from '../reading/reference.js';
import { JobToken } from './job-token.js';
import type { SessionParts } from './session.js';
import { lookUpToken } from './token-facts.js';

type JoinedParts = Pick<
  SessionParts,
  'connection' | 'mounts' | 'onFailure' | 'retryForMs' | 'secretsLimitBytes'
>;

/** Leaves the token valid: whoever kept the login revokes it, and may be the one to renew it. */
export class JoinedLogin implements SecretSession {
  readonly #parts: JoinedParts;
  readonly #token: Secret;
  readonly #closed = new AbortController();
  readonly #renewal: 'own' | 'others';
  #joining: Promise<JobToken | undefined> | undefined;

  constructor(parts: JoinedParts, token: Secret, renewal: 'own' | 'others') {
    this.#parts = parts;
    this.#token = token;
    this.#renewal = renewal;
    if (renewal === 'own') this.#joining = this.#join();
  }

  async lookUp(): Promise<void> {
    // There is no wrapping token any more.
  }

  async decrypt(): Promise<never> {
    throw new Error('Expected no payload of a job that shares the login of its parent, got one.');
  }

  async read(references: readonly string[], options: ReadOptions): Promise<SecretValues> {
    return await this.#read(groupReferences(references), options);
  }

  async readKeys(path: string, keys: readonly string[], options: ReadOptions): Promise<SecretValues> {
    return await this.#read([keysRead(path, keys)], options);
  }

  /** A run holds a slot, so it waits for Vault only so long: it has spent nothing, and is postponed. */
  async #read(reads: readonly PathRead[], options: ReadOptions): Promise<SecretValues> {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(noAnswer()), this.#parts.retryForMs).unref();
    });
    this.#joining ??= this.#join();
    const token = await Promise.race([this.#joining, late]);
    if (token === undefined) throw sharedLoginOver();
    const { mounts, secretsLimitBytes: limitBytes } = this.#parts;
    return readSecrets({ token, mounts, limitBytes }, reads, options);
  }

  async token(): Promise<Secret> {
    return this.#token;
  }

  terms(): LoginTerms {
    return { leases: [], renewInMs: undefined };
  }

  release(): void {
    // It never was ours.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    const token = await this.#joining;
    token?.stop();
  }

  async #join(): Promise<JobToken | undefined> {
    const issued = await lookUpToken(this.#parts.connection, this.#token, this.#closed.signal);
    if (issued === undefined) return undefined;
    const token = new JobToken(this.#parts.connection, issued, this.#parts);
    token.allowRenewals();
    if (this.#renewal === 'own') token.startRenewal();
    return token;
  }
}

function noAnswer(): BrokenError {
  return new BrokenError(
    'vault_unavailable',
    'Could not use the login that the runs of this job share: Vault does not answer, or is sealed. The run is tried again.',
  );
}

export function sharedLoginOver(): JobFailedError {
  return new JobFailedError(
    'auth_refused',
    'shared_login_over',
    'The login that the runs of this job share is over: its token expired or was revoked. Submit the job again with a new wrapped SecretID.',
  );
}
