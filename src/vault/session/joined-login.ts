// A session on a login that is not its own: the jobs of one parent share one.

import type { SecretSession, SecretValues } from '../../executor/secrets.js';
import { BrokenError, JobFailedError } from '../../job/errors.js';
import type { Secret } from '../../job/secret.js';
import { type ReadRules, readSecrets } from '../reading/read.js';
import { groupReferences } from '../reading/reference.js';
import { JobToken } from './job-token.js';
import type { SessionParts } from './session.js';
import { lookUpToken } from './token-facts.js';

type JoinedParts = Pick<SessionParts, 'connection' | 'mounts' | 'onFailure' | 'retryForMs'>;

/** Renews the token while it lasts, and leaves it valid: whoever kept the login revokes it. */
export class JoinedLogin implements SecretSession {
  readonly #parts: JoinedParts;
  readonly #token: Secret;
  readonly #closed = new AbortController();
  readonly #joining: Promise<JobToken | undefined>;

  constructor(parts: JoinedParts, token: Secret) {
    this.#parts = parts;
    this.#token = token;
    this.#joining = this.#join();
  }

  async lookUp(): Promise<void> {
    // There is no wrapping token any more.
  }

  async decrypt(): Promise<never> {
    throw new Error('Expected no payload of a job that shares the login of its parent, got one.');
  }

  /** A run holds a slot, so it waits for Vault only so long: it has spent nothing, and is postponed. */
  async read(references: readonly string[], options: ReadRules): Promise<SecretValues> {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(noAnswer()), this.#parts.retryForMs).unref();
    });
    const token = await Promise.race([this.#joining, late]);
    if (token === undefined) throw sharedLoginOver();
    return readSecrets({ token, mounts: this.#parts.mounts }, groupReferences(references), options);
  }

  async token(): Promise<Secret> {
    return this.#token;
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
    token.startRenewal();
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
