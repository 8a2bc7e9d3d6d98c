// Holds the server's own Vault token: logs in on demand, renews it, revokes it at the end.

import type { VaultClient, VaultConnection, VaultRequest } from '../client/client.js';
import { toVaultFailure, type VaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { fieldsAt } from '../client/shape.js';
import { type IssuedToken, readGrant } from '../session/login.js';
import { Renewal, type RenewalAnswer } from '../session/renewal.js';
import { UseBudget } from '../session/use-budget.js';
import type { LoginWay } from './login-ways.js';

export interface ServerLoginOptions {
  readonly way: LoginWay;
  /** Called once for each login that failed. */
  readonly onFailure: (failure: VaultFailure) => void;
}

interface LiveToken {
  readonly client: VaultClient;
  readonly issued: IssuedToken;
  readonly uses: UseBudget;
  /** On the monotonic clock of `performance.now`. */
  readonly endsAt: number;
  readonly renewal: Renewal | undefined;
}

/**
 * The server's own token: issued when it is first needed, renewed where its uses are not counted, and replaced by a new
 * login when it has ended. A token with limited uses is left to expire: renewals would spend them.
 */
export class ServerLogin implements AsyncDisposable {
  readonly #connection: VaultConnection;
  readonly #options: ServerLoginOptions;
  #live: LiveToken | undefined;
  #opening: Promise<LiveToken> | undefined;

  constructor(connection: VaultConnection, options: ServerLoginOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** What Vault issued at the last login; undefined before the first. */
  get issued(): IssuedToken | undefined {
    return this.#live?.issued;
  }

  /** Logs in if there is no live token. Throws `VaultFailure`. */
  async open(): Promise<IssuedToken> {
    return (await this.#open()).issued;
  }

  /** Asks once; a second time only with a new token, when Vault says that the first has ended. Throws `VaultFailure`. */
  async ask<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T> {
    try {
      return await this.#askOnce(request, shape);
    } catch (error) {
      if (toVaultFailure(error).hint !== 'token_gone') throw error;
      this.#drop();
      return await this.#askOnce(request, shape);
    }
  }

  /** Revokes the token, unless it is somebody else's. Never throws: a token that is not revoked expires later. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opening?.catch(() => undefined);
    const live = this.#live;
    this.#drop();
    if (live === undefined || isOver(live) || !this.#options.way.ownsTokens) return;
    const request = { method: 'POST', path: pathOf('auth/token/revoke-self'), timeoutMs: 2_000 } as const;
    await live.client.ask(request, () => undefined).catch(() => undefined);
  }

  async #askOnce<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T> {
    const live = await this.#open();
    live.uses.take();
    return live.client.ask(request, shape);
  }

  async #open(): Promise<LiveToken> {
    if (this.#live !== undefined && !isOver(this.#live)) return this.#live;
    this.#opening ??= this.#logIn().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  #drop(): void {
    this.#live?.renewal?.[Symbol.dispose]();
    this.#live = undefined;
  }

  async #logIn(): Promise<LiveToken> {
    this.#drop();
    try {
      const issued = await this.#options.way.logIn();
      this.#live = this.#begin(issued);
      return this.#live;
    } catch (error) {
      const failure = toVaultFailure(error);
      this.#options.onFailure(failure);
      throw failure;
    }
  }

  #begin(issued: IssuedToken): LiveToken {
    const client = this.#connection.client(issued.token);
    const uses = new UseBudget(issued.uses);
    const isRenewed = !uses.isLimited && issued.renewable;
    const isEndless = isRenewed || issued.ttlMs === 0;
    return {
      client,
      issued,
      uses,
      endsAt: isEndless ? Number.POSITIVE_INFINITY : performance.now() + issued.ttlMs,
      renewal: isRenewed
        ? new Renewal(issued, { renew: () => renew(client), onOver: () => this.#drop() })
        : undefined,
    };
  }
}

function isOver(live: LiveToken): boolean {
  return live.uses.isSpent || performance.now() >= live.endsAt;
}

async function renew(client: VaultClient): Promise<RenewalAnswer> {
  const request = { method: 'POST', path: pathOf('auth/token/renew-self'), body: {} } as const;
  try {
    return {
      kind: 'renewed',
      ...(await client.ask(request, (reply) => readGrant(fieldsAt(reply, 'auth')))),
    };
  } catch (error) {
    return { kind: toVaultFailure(error).isUnavailable ? 'later' : 'over' };
  }
}
