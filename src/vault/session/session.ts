// One job's work with Vault: look up and unwrap the SecretID, log in, decrypt, read, revoke.

import type {
  LoginTerms,
  ReadOptions,
  SecretSession,
  SecretValues,
  SessionHooks,
  WrappingTokenFacts,
} from '../../executor/secrets.js';
import type { JobFailedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Ciphertext } from '../../job/job.js';
import type { Secret } from '../../job/secret.js';
import type { OnFailure } from '../client/background-failure.js';
import type { VaultConnection } from '../client/client.js';
import { jobLostVault, toVaultFailure, vaultReplyLost } from '../client/errors.js';
import { retryUntil } from '../client/retry.js';
import type { KnownMounts } from '../reading/mounts.js';
import { type Reader, readSecrets } from '../reading/read.js';
import { groupReferences, keysRead } from '../reading/reference.js';
import type { KeyedMemory } from '../server-login/keyed-memory.js';
import type { ServerIdentity } from '../server-login/server-identity.js';
import { batchToken, loginRefused } from '../wrapping/refusals.js';
import {
  lookUpWrappingToken,
  type OpenedSecretId,
  unwrapSecretId,
  type WrappingTokenLookup,
  type WrappingTokenRules,
} from '../wrapping/wrapping.js';
import { JobToken } from './job-token.js';
import { type IssuedToken, logIn } from './login.js';
import { checkCiphertext, decryptPayload, type TransitKey } from './payload.js';
import { revokeToken } from './revoke.js';

/** What all sessions share. */
export interface SessionParts {
  readonly connection: VaultConnection;
  readonly wrappingRules: WrappingTokenRules;
  readonly roleId: Secret;
  readonly transit: TransitKey;
  /** What Vault told of its mounts. */
  readonly mounts: KnownMounts;
  readonly server: ServerIdentity | undefined;
  /** The wrapping tokens that this process, or the submit, has seen valid. */
  readonly seen: KeyedMemory<WrappingTokenFacts>;
  readonly onFailure: OnFailure;
  /** How long a job waits for Vault once its credentials are spent, in milliseconds. */
  readonly retryForMs: number;
  /** For all secret values of a job together. */
  readonly secretsLimitBytes: number;
  readonly now: () => number;
}

/** A look-up that is older is repeated before the unwrap: pulling the image may have taken long. */
const freshMs = 10_000;

/** The secrets of one job. See the contract in `executor/secrets.ts`. */
export class VaultSession implements SecretSession {
  readonly #parts: SessionParts;
  readonly #wrappingToken: Secret;
  readonly #hooks: SessionHooks;
  #lookedUpAt = Number.NEGATIVE_INFINITY;
  #opening: Promise<JobToken> | undefined;
  /** Set before the hooks run, so that the token is revoked even if they throw. */
  #token: JobToken | undefined;
  #closing: Promise<void> | undefined;
  #isReleased = false;

  constructor(parts: SessionParts, wrappingToken: Secret, hooks: SessionHooks) {
    this.#parts = parts;
    this.#wrappingToken = wrappingToken;
    this.#hooks = hooks;
  }

  async lookUp(): Promise<void> {
    const facts = await lookUpWrappingToken(this.#parts.connection, this.#wrappingLookup);
    rememberWrappingToken(this.#parts, this.#wrappingToken, facts);
    this.#lookedUpAt = performance.now();
    await failpoint('after-look-up');
  }

  async decrypt(ciphertext: Ciphertext): Promise<string | Uint8Array> {
    await checkCiphertext(ciphertext);
    return decryptPayload(await this.#open(), this.#parts.transit, ciphertext);
  }

  async read(references: readonly string[], options: ReadOptions): Promise<SecretValues> {
    const reads = groupReferences(references);
    const token = await this.#open();
    try {
      return await readSecrets(this.#reader(token), reads, options);
    } finally {
      token.allowRenewals();
    }
  }

  async readKeys(path: string, keys: readonly string[], options: ReadOptions): Promise<SecretValues> {
    return readSecrets(this.#reader(await this.#open()), [keysRead(path, keys)], options);
  }

  async token(): Promise<Secret> {
    return (await this.#open()).token;
  }

  terms(): LoginTerms {
    return this.#token?.terms() ?? { leases: [], renewInMs: undefined };
  }

  /** Where nobody else renews it, this session does until its end. */
  release(): void {
    this.#isReleased = true;
    if (this.terms().renewInMs !== undefined) this.#token?.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #reader(token: JobToken): Reader {
    const { mounts, secretsLimitBytes: limitBytes } = this.#parts;
    return { token, mounts, limitBytes };
  }

  get #wrappingLookup(): WrappingTokenLookup {
    const { wrappingRules: rules, seen, now } = this.#parts;
    const token = this.#wrappingToken;
    return { token, rules, known: seen.get(token), now };
  }

  /** Opens once for all callers. All get the same failure too, because there is no second try. */
  #open(): Promise<JobToken> {
    if (this.#closing !== undefined) throw new Error('Expected the session to be open, got a disposed one.');
    this.#opening ??= this.#openOnce();
    return this.#opening;
  }

  /** After the unwrap no `BrokenError` may be thrown: it would say that no credential was spent. */
  async #openOnce(): Promise<JobToken> {
    if (performance.now() - this.#lookedUpAt > freshMs) await this.lookUp();
    await this.#hooks.beforeSpending();
    const secretId = await unwrapSecretId(this.#parts.connection, this.#wrappingLookup);
    await failpoint('after-unwrap');
    const issued = await this.#logIn(secretId);
    this.#token = new JobToken(this.#parts.connection, issued, this.#parts);
    await failpoint('after-login');
    await this.#hooks.onToken(issued.accessor);
    this.#token.startRenewal();
    return this.#token;
  }

  /** Retried only while it is certain that Vault did not get the request: a SecretID allows one login. */
  async #logIn({ secretId, accessor }: OpenedSecretId): Promise<IssuedToken> {
    const { connection, wrappingRules, roleId, server } = this.#parts;
    try {
      const issued = await retryUntil(
        this.#parts.retryForMs,
        () => logIn(connection, { mount: wrappingRules.mount, roleId, secretId }),
        (failure) => !failure.mayBeDone,
      );
      if (issued.accessor !== '') return issued;
    } catch (error) {
      await server?.destroySecretIdByAccessor(accessor);
      throw loginFailed(error, wrappingRules.role);
    }
    throw batchToken(wrappingRules.role);
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined); // The caller of `#open` got the error; here only the token matters.
    if (this.#token === undefined) return;
    this.#token.stop();
    if (this.#isReleased) return;
    const isGone = await revokeToken(this.#token, this.#parts);
    if (isGone) await this.#hooks.onRevoked(this.#token.renewals).catch(() => undefined); // The periodic clean-up finds tokens whose revocation was not recorded.
  }
}

/** Kept longer than the wrapping token is valid, so that one that is used too late is reported as expired, not as unknown. */
const keptAfterExpiryMs = 3_600_000;

/** Remembers that a wrapping token was valid: if it is gone before its expiry, it must have been used. */
export function rememberWrappingToken(
  parts: Pick<SessionParts, 'seen' | 'now'>,
  token: Secret,
  facts: WrappingTokenFacts,
): void {
  parts.seen.set(token, facts, Math.max(0, facts.expiresAt - parts.now()) + keptAfterExpiryMs);
}

function loginFailed(error: unknown, role: string): JobFailedError {
  const action = 'log in to Vault with the SecretID of this job';
  const failure = toVaultFailure(error);
  if (failure.mayBeDone) return vaultReplyLost(action, failure);
  return failure.isUnavailable ? jobLostVault(action, failure) : loginRefused(role);
}
