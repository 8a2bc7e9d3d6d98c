// Takes over the Vault token of a job that a previous process of this node started.

import type { AdoptedIdentity, SessionHooks } from '../../executor/secrets.js';
import { JobToken } from './job-token.js';
import { revokeByAccessor, revokeToken } from './revoke.js';
import type { SessionParts } from './session.js';
import { lookUpToken } from './token-facts.js';

type AdoptionParts = Pick<SessionParts, 'connection' | 'server' | 'onFailure' | 'retryForMs'>;

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
    const issued = await lookUpToken(this.#parts.connection, token, this.#closed.signal);
    if (issued === undefined || issued.accessor !== accessor) return undefined;
    const found = new JobToken(this.#parts.connection, issued, this.#parts);
    found.allowRenewals();
    found.startRenewal();
    return found;
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
