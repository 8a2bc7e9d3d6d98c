// Takes over the Vault token of a job that a previous process of this node started.

import { setTimeout as delay } from 'node:timers/promises';
import type { AdoptedIdentity, SessionHooks } from '../../executor/secrets.js';
import type { Secret } from '../../job/secret.js';
import { toVaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { countAt, fieldsAt, optionalTextAt, textsAt } from '../client/shape.js';
import { JobToken } from './job-token.js';
import type { IssuedToken } from './login.js';
import { revokeByAccessor, revokeToken } from './revoke.js';
import type { SessionParts } from './session.js';

type AdoptionParts = Pick<SessionParts, 'connection' | 'server' | 'onFailure' | 'retryForMs'>;

/** How long to wait before Vault is asked again, while it is unavailable. */
const pauseMs = 5_000;

/**
 * The login of a job that a previous process of this node made. Its token is looked up in the background and then
 * renewed. A token found in the secrets file is used only when it has the accessor that was recorded, because a job may
 * name a secret of its own `TOKEN`.
 */
export class AdoptedLogin implements AsyncDisposable {
  readonly #parts: AdoptionParts;
  readonly #identity: AdoptedIdentity;
  readonly #hooks: Pick<SessionHooks, 'onRevoked'>;
  readonly #closed = new AbortController();
  readonly #lookingUp: Promise<JobToken | undefined>;
  #closing: Promise<void> | undefined;

  constructor(parts: AdoptionParts, identity: AdoptedIdentity, hooks: Pick<SessionHooks, 'onRevoked'>) {
    this.#parts = parts;
    this.#identity = identity;
    this.#hooks = hooks;
    this.#lookingUp = this.#takeOver();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Undefined when there is no token, when it is another one, or when Vault did not answer before the job's end. */
  async #takeOver(): Promise<JobToken | undefined> {
    const { token, accessor } = this.#identity;
    if (token === undefined || accessor === null) return undefined;
    const issued = await this.#lookUp(token);
    if (issued === undefined || issued.accessor !== accessor) return undefined;
    const found = new JobToken(this.#parts.connection, issued, this.#parts);
    found.allowRenewals();
    found.startRenewal();
    return found;
  }

  /** Each answer costs one use of the token. */
  async #lookUp(token: Secret): Promise<IssuedToken | undefined> {
    const client = this.#parts.connection.client(token);
    while (!this.#closed.signal.aborted) {
      try {
        return await client.ask({ method: 'GET', path: pathOf('auth/token/lookup-self') }, (reply) =>
          readTokenFacts(token, reply),
        );
      } catch (error) {
        if (!toVaultFailure(error).isUnavailable) return undefined;
      }
      await delay(pauseMs, undefined, { signal: this.#closed.signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    const { accessor } = this.#identity;
    const token = await this.#lookingUp;
    token?.stop();
    if (accessor === null) return;
    const isGone =
      token === undefined
        ? await revokeByAccessor(accessor, this.#parts)
        : await revokeToken(token, this.#parts);
    if (isGone) await this.#hooks.onRevoked().catch(() => undefined); // The periodic clean-up finds tokens whose revocation was not recorded.
  }
}

/** The look-up reports the uses that are left after it, 0 for no limit. */
function readTokenFacts(token: Secret, reply: unknown): IssuedToken {
  const data = fieldsAt(reply, 'data');
  return {
    token,
    accessor: optionalTextAt(data, 'accessor'),
    ttlMs: countAt(data, 'ttl') * 1000,
    renewable: data.renewable === true,
    uses: countAt(data, 'num_uses'),
    policies: textsAt(data, 'policies'),
  };
}
