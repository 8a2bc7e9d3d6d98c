// A job's Vault token: counts its uses, retries its requests, renews it and its leases.

import type { LoginTerms } from '../../executor/secrets.js';
import type { Secret } from '../../job/secret.js';
import type { OnFailure } from '../client/background-failure.js';
import type { VaultClient, VaultConnection, VaultRequest } from '../client/client.js';
import { toVaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { retryUntil } from '../client/retry.js';
import { fieldsAt } from '../client/shape.js';
import { type IssuedToken, readGrant } from './login.js';
import { type Grant, Renewal, type RenewalAnswer } from './renewal.js';
import { UseBudget } from './use-budget.js';

export interface JobTokenOptions {
  /** How long a request is retried while Vault is unavailable, in milliseconds: the credentials are spent by then. */
  readonly retryForMs: number;
  readonly onFailure: OnFailure;
}

/** The token of one job. It and its leases are renewed until `stop`. */
export class JobToken {
  readonly token: Secret;
  readonly accessor: string;
  readonly uses: UseBudget;
  readonly client: VaultClient;
  readonly #issued: IssuedToken;
  readonly #options: JobTokenOptions;
  readonly #issuedAt = performance.now();
  readonly #renewals: Renewal[] = [];
  readonly #leases = new Map<string, Renewal>();
  #extendedByMs = 0;
  #renewed = 0;
  #stopped = false;
  #secretsRead = false;

  constructor(connection: VaultConnection, issued: IssuedToken, options: JobTokenOptions) {
    this.token = issued.token;
    this.accessor = issued.accessor;
    this.uses = new UseBudget(issued.uses);
    this.client = connection.client(issued.token);
    this.#issued = issued;
    this.#options = options;
  }

  /** How often the token and its leases were renewed. */
  get renewals(): number {
    return this.#renewed;
  }

  /** By our own count the token has ended: it has expired, or its uses are spent. */
  get isOver(): boolean {
    const ttlMs = this.#issued.ttlMs + this.#extendedByMs;
    return this.uses.isSpent || (ttlMs > 0 && performance.now() > this.#issuedAt + ttlMs);
  }

  /** Vault's `default` policy lets a token revoke itself, so a refusal means that the token is gone. */
  get mayRevokeItself(): boolean {
    return this.#issued.policies.includes('default') || this.#issued.policies.includes('root');
  }

  /**
   * Sends a request with this token, and retries it until the retry deadline while Vault is unavailable. All requests
   * sent here may be repeated; a repeat costs one use where Vault may have answered. Throws `VaultFailure`.
   */
  ask<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T> {
    return retryUntil(
      this.#options.retryForMs,
      () => this.#askOnce(request, shape),
      (failure) => !failure.mayBeDone || this.uses.spare > 0,
    );
  }

  /** Asks what takes no use: a path that Vault leaves open and where it looks at the token itself. */
  askFree<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T> {
    return retryUntil(
      this.#options.retryForMs,
      () => this.client.ask(request, shape),
      () => true,
    );
  }

  /** Call it once all secrets are read: from then on spare uses may go into renewals. */
  allowRenewals(): void {
    this.#secretsRead = true;
  }

  startRenewal(): void {
    const onOver = () =>
      this.#report('token_not_renewed', 'Could not renew the token of a job: Vault extends it no further.');
    this.#keep(this.#issued, () => this.#renewToken(), onOver);
  }

  /** For a secret with a time to live of its own, which may be shorter than its token's. */
  keepLease(leaseId: string, grant: Grant): void {
    const onOver = () =>
      this.#report(
        'lease_not_renewed',
        'Could not renew a leased secret of a job: Vault extends it no further.',
      );
    const renewal = this.#keep(grant, () => this.#renewLease(leaseId), onOver);
    if (renewal !== undefined) this.#leases.set(leaseId, renewal);
  }

  /** For whoever renews token and leases from now on. Nobody can do it who does not count the uses of the token. */
  terms(): LoginTerms {
    if (this.uses.isLimited) return { leases: [], renewInMs: undefined };
    const dues = this.#renewals.flatMap(({ dueInMs }) => dueInMs ?? []);
    const leases = [...this.#leases].filter(([, renewal]) => renewal.dueInMs !== undefined).map(([id]) => id);
    return { leases, renewInMs: dues.length === 0 ? undefined : Math.min(...dues) };
  }

  stop(): void {
    this.#stopped = true;
    for (const renewal of this.#renewals) renewal[Symbol.dispose]();
  }

  #keep(grant: Grant, renew: () => Promise<RenewalAnswer>, onOver: () => void): Renewal | undefined {
    if (this.#stopped) return undefined;
    const renewal = new Renewal(grant, { renew, onOver });
    this.#renewals.push(renewal);
    return renewal;
  }

  async #askOnce<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T> {
    this.uses.take();
    try {
      return await this.client.ask(request, shape);
    } catch (error) {
      const failure = toVaultFailure(error);
      if (failure.isUnavailable && !failure.mayBeDone) this.uses.refund();
      throw failure;
    }
  }

  async #renewToken(): Promise<RenewalAnswer> {
    const answer = await this.#renew(
      { method: 'POST', path: pathOf('auth/token/renew-self'), body: {} },
      (reply) => readGrant(fieldsAt(reply, 'auth')),
    );
    if (answer.kind === 'renewed') {
      this.#extendedByMs = performance.now() - this.#issuedAt + answer.ttlMs - this.#issued.ttlMs;
    }
    return answer;
  }

  #renewLease(leaseId: string): Promise<RenewalAnswer> {
    const body = { lease_id: leaseId };
    return this.#renew({ method: 'POST', path: pathOf('sys/leases/renew'), body }, (reply) =>
      readGrant(fieldsAt({ reply }, 'reply')),
    );
  }

  /** A token with limited uses is not renewed before its secrets are read: until then each use may be needed for a path. */
  async #renew(request: VaultRequest, shape: (reply: unknown) => Grant): Promise<RenewalAnswer> {
    if (this.uses.isLimited && !this.#secretsRead) return { kind: 'later' };
    if (this.uses.spare === 0) return { kind: 'over' };
    try {
      const grant = await this.#askOnce(request, shape);
      this.#renewed++;
      return { kind: 'renewed', ...grant };
    } catch (error) {
      return { kind: toVaultFailure(error).isUnavailable ? 'later' : 'over' };
    }
  }

  #report(code: 'token_not_renewed' | 'lease_not_renewed', message: string): void {
    if (!this.#stopped) this.#options.onFailure({ code, message, accessor: this.accessor });
  }
}
