import type {
  SecretSession,
  SecretValues,
  SessionHooks,
  WrappingTokenFacts,
} from '../../executor/secrets.js';
import type { JobFailedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Secret } from '../../job/secret.js';
import type { OnFailure } from '../client/background-failure.js';
import type { VaultConnection } from '../client/client.js';
import { jobLostVault, toVaultFailure, vaultReplyLost } from '../client/errors.js';
import { retryUntil } from '../client/retry.js';
import { type ReadRules, readSecrets } from '../reading/read.js';
import { groupReferences } from '../reading/reference.js';
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

/** What all sessions stand on. */
export interface SessionParts {
  readonly connection: VaultConnection;
  readonly wraps: WrappingTokenRules;
  readonly roleId: Secret;
  readonly transit: TransitKey;
  readonly server: ServerIdentity | undefined;
  /** The wraps that were seen alive in this process. */
  readonly seen: KeyedMemory<WrappingTokenFacts>;
  readonly onFailure: OnFailure;
  /** How long a job waits for Vault once its credentials are spent, in milliseconds. */
  readonly retryForMs: number;
  readonly now: () => number;
}

/** A look-up is good for so long: the image may have been pulled since. */
const freshMs = 10_000;

/** The secrets of one job. See the contract in `executor/secrets.ts`. */
export class VaultSession implements SecretSession {
  readonly #parts: SessionParts;
  readonly #wrap: Secret;
  readonly #hooks: SessionHooks;
  #lookedUpAt = Number.NEGATIVE_INFINITY;
  #opening: Promise<JobToken> | undefined;
  /** Set before anybody is told of the token, so that it is given back whatever the hooks do. */
  #token: JobToken | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: SessionParts, wrap: Secret, hooks: SessionHooks) {
    this.#parts = parts;
    this.#wrap = wrap;
    this.#hooks = hooks;
  }

  async lookUp(): Promise<void> {
    const knowledge = await lookUpWrappingToken(this.#parts.connection, this.#question);
    rememberWrappingToken(this.#parts, this.#wrap, knowledge);
    this.#lookedUpAt = performance.now();
    await failpoint('after-look-up');
  }

  async decrypt(ciphertext: string): Promise<string> {
    checkCiphertext(ciphertext);
    return decryptPayload(await this.#open(), this.#parts.transit, ciphertext);
  }

  async read(references: readonly string[], options: ReadRules): Promise<SecretValues> {
    const reads = groupReferences(references);
    return readSecrets(await this.#open(), reads, options);
  }

  async token(): Promise<Secret> {
    return (await this.#open()).token;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #question(): WrappingTokenLookup {
    const { wraps: rules, seen, now } = this.#parts;
    return { token: this.#wrap, rules, known: seen.get(this.#wrap), now };
  }

  /** Once, for all who ask; also its failure is the same for all, because there is no second try. */
  #open(): Promise<JobToken> {
    if (this.#closing !== undefined) throw new Error('Expected the session to be open, got a disposed one.');
    this.#opening ??= this.#openOnce();
    return this.#opening;
  }

  /** Beyond the unwrap no `BrokenError` may leave: it would mean that nothing was spent. */
  async #openOnce(): Promise<JobToken> {
    if (performance.now() - this.#lookedUpAt > freshMs) await this.lookUp();
    await this.#hooks.beforeSpending();
    const secretId = await unwrapSecretId(this.#parts.connection, this.#question);
    await failpoint('after-unwrap');
    const issued = await this.#logIn(secretId);
    this.#token = new JobToken(this.#parts.connection, issued, this.#parts);
    await failpoint('after-login');
    await this.#hooks.onToken(issued.accessor);
    this.#token.startRenewal();
    return this.#token;
  }

  /** Tried again only while Vault surely did not get it: a SecretID is good for one login. */
  async #logIn({ secretId, accessor }: OpenedSecretId): Promise<IssuedToken> {
    const { connection, wraps, roleId, server } = this.#parts;
    try {
      const issued = await retryUntil(
        this.#parts.retryForMs,
        () => logIn(connection, { mount: wraps.mount, roleId, secretId }),
        (failure) => !failure.mayBeDone,
      );
      if (issued.accessor !== '') return issued;
    } catch (error) {
      await server?.destroySecretIdByAccessor(accessor);
      throw loginFailed(error, wraps.role);
    }
    throw batchToken(wraps.role);
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined); // Whoever asked has heard of it; here only its token matters.
    if (this.#token === undefined) return;
    this.#token.stop();
    const isGone = await revokeToken(this.#token, this.#parts);
    if (isGone) await this.#hooks.onRevoked().catch(() => undefined); // The clean-up finds what was not recorded.
  }
}

/** Kept longer than the wrap lives, so that one that came too late is called expired and not unknown. */
const keptAfterEndMs = 3_600_000;

/** Notes that a wrap was alive: gone before its time, it must have been used. */
export function rememberWrappingToken(
  parts: Pick<SessionParts, 'seen' | 'now'>,
  wrap: Secret,
  knowledge: WrappingTokenFacts,
): void {
  parts.seen.set(wrap, knowledge, Math.max(0, knowledge.expiresAt - parts.now()) + keptAfterEndMs);
}

function loginFailed(error: unknown, role: string): JobFailedError {
  const action = 'log in to Vault with the SecretID of this job';
  const failure = toVaultFailure(error);
  if (failure.mayBeDone) return vaultReplyLost(action, failure);
  return failure.isAway ? jobLostVault(action, failure) : loginRefused(role);
}
