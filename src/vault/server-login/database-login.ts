// Gets logins at Postgres from Vault, and another one before the last ends.
import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '../../job/secret.js';
import type { OnFailure } from '../client/background-failure.js';
import type { VaultClient, VaultConnection } from '../client/client.js';
import { toVaultFailure, VaultFailure, vaultUnavailable } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { fieldsAt, textAt } from '../client/shape.js';
import { type IssuedToken, readGrant } from '../session/login.js';
import { type Grant, Renewal, type RenewalAnswer, renewalDelayMs } from '../session/renewal.js';
import { type LoginWay, openLoginWay, type ServerLoginWay } from './login-ways.js';

/** A login at Postgres. */
export interface DatabaseUser {
  readonly name: string;
  readonly password: Secret;
}

export interface DatabaseLoginOptions {
  readonly login: ServerLoginWay;
  /** What is read for a login, such as `database/creds/stint`. */
  readonly path: string;
  /** Called with each login after the first. Once it has resolved nobody uses the one before, which is then given back. */
  readonly onChange: (user: DatabaseUser) => Promise<void>;
  readonly onFailure: OnFailure;
}

/** A login that is younger is not replaced because it is refused: where Postgres refuses them all, each refusal would make a user. */
const refusableAfterMs = 10_000;
/** Between two tries while Vault gives no login. */
const retryMs = 1_000;

/**
 * Logins at Postgres that Vault makes (its `database` engine), each with a token of the server's own: Vault ends the login with
 * the token that asked for it, so both are renewed, and both are replaced as soon as one can be renewed no further. A login that
 * is given back is dropped at Postgres at once.
 */
export class DatabaseLogin implements AsyncDisposable {
  readonly #connection: VaultConnection;
  readonly #options: DatabaseLoginOptions;
  readonly #way: LoginWay;
  readonly #closed = new AbortController();
  #current: Lease | undefined;
  #changing: Promise<void> = Promise.resolve();

  /** Sends nothing yet. */
  constructor(connection: VaultConnection, options: DatabaseLoginOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#way = openLoginWay(connection, options.login);
  }

  /** The first login. Throws `BrokenError` `vault_unavailable`. */
  async open(): Promise<DatabaseUser> {
    try {
      this.#current = await this.#take();
      return this.#current.user;
    } catch (error) {
      throw vaultUnavailable('get a login at Postgres', toVaultFailure(error));
    }
  }

  /** Asks for another login now, because Postgres refuses this one. */
  replace(): void {
    if (this.#current !== undefined && this.#current.ageMs >= refusableAfterMs) this.#replace(this.#current);
  }

  /** Gives the login back. Call it once nothing is connected any more. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#changing;
    await this.#current?.giveBack();
  }

  async #take(): Promise<Lease> {
    const issued = await this.#way.logIn();
    if (issued.uses === 1) throw new VaultFailure('denied', { code: 'the token has one use only' });
    const client = this.#connection.client(issued.token);
    try {
      const given = await client.ask({ method: 'GET', path: pathOf(this.#options.path) }, readCredentials);
      return new Lease({ client, issued, given, ownsToken: this.#way.ownsTokens }, (lease) =>
        this.#replace(lease),
      );
    } catch (error) {
      if (this.#way.ownsTokens) await revoke(client);
      throw error;
    }
  }

  #replace(ending: Lease | undefined): void {
    if (ending === undefined || ending !== this.#current || this.#closed.signal.aborted) return;
    this.#current = undefined;
    const before = this.#changing; // Its login may not be given back yet.
    const change = this.#change(ending).catch(() => this.#tell('stint has a bug there.')); // It must not end the process.
    this.#changing = Promise.all([before, change]).then(() => undefined);
  }

  async #change(old: Lease): Promise<void> {
    const next = await this.#takeAtLast();
    this.#current = next ?? old;
    if (next === undefined) return;
    await this.#options.onChange(next.user);
    await old.giveBack();
  }

  #tell(why: string): void {
    const message = `Could not get another login at Postgres from Vault: ${why} The last one is used until it ends.`;
    this.#options.onFailure({ code: 'database_login_failed', message });
  }

  /** Undefined: this login is closed. */
  async #takeAtLast(): Promise<Lease | undefined> {
    const { signal } = this.#closed;
    for (let isTold = false; !signal.aborted; isTold = true) {
      try {
        return await this.#take();
      } catch (error) {
        const { message } = toVaultFailure(error);
        if (!isTold) this.#tell(message);
      }
      await delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  }
}

interface Credentials extends Grant {
  readonly user: DatabaseUser;
  readonly leaseId: string;
}

interface LeaseParts {
  readonly client: VaultClient;
  readonly issued: IssuedToken;
  readonly given: Credentials;
  readonly ownsToken: boolean;
}

/** One login at Postgres with the token that it depends on. */
class Lease {
  readonly user: DatabaseUser;
  readonly #takenAt = performance.now();
  readonly #parts: LeaseParts;
  readonly #clocks: readonly Disposable[];

  constructor(parts: LeaseParts, onEnding: (lease: Lease) => void) {
    const { client, issued, given } = parts;
    this.#parts = parts;
    this.user = given.user;
    const end = () => onEnding(this);
    const renewable = issued.uses === 0 ? {} : { renewable: false }; // Renewals would spend the uses of the token, and end both.
    this.#clocks = [
      keep(
        { ...given, ...renewable },
        () => renew(client, 'sys/leases/renew', { lease_id: given.leaseId }),
        end,
      ),
      keep({ ...issued, ...renewable }, () => renew(client, 'auth/token/renew-self', {}), end),
    ];
  }

  get ageMs(): number {
    return performance.now() - this.#takenAt;
  }

  /** Never throws: what is not given back ends at its expiry. */
  async giveBack(): Promise<void> {
    for (const clock of this.#clocks) clock[Symbol.dispose]();
    const { client, given, ownsToken } = this.#parts;
    if (ownsToken) return await revoke(client);
    const request = {
      method: 'POST',
      path: pathOf('sys/leases/revoke'),
      body: { lease_id: given.leaseId },
    } as const;
    await client.ask({ ...request, timeoutMs: 2_000 }, () => undefined).catch(() => undefined);
  }
}

/** Renews what may be renewed; says in time when it can be kept no longer. */
function keep(grant: Grant, renewIt: () => Promise<RenewalAnswer>, onOver: () => void): Disposable {
  if (grant.ttlMs === 0) return { [Symbol.dispose]: () => undefined };
  if (grant.renewable) return new Renewal(grant, { renew: renewIt, onOver });
  const timer = setTimeout(onOver, renewalDelayMs(grant.ttlMs, Math.random)).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

async function renew(client: VaultClient, path: string, body: object): Promise<RenewalAnswer> {
  try {
    return {
      kind: 'renewed',
      ...(await client.ask({ method: 'POST', path: pathOf(path), body }, readRenewed)),
    };
  } catch (error) {
    return { kind: toVaultFailure(error).isUnavailable ? 'later' : 'over' };
  }
}

/** Of a token the grant is in `auth`. */
function readRenewed(reply: unknown): Grant {
  const fields = fieldsAt({ reply }, 'reply');
  return readGrant(fields.auth === undefined || fields.auth === null ? fields : fieldsAt(fields, 'auth'));
}

/** The token, and with it the login that it asked for. */
async function revoke(client: VaultClient): Promise<void> {
  const request = { method: 'POST', path: pathOf('auth/token/revoke-self'), timeoutMs: 2_000 } as const;
  await client.ask(request, () => undefined).catch(() => undefined);
}

function readCredentials(reply: unknown): Credentials {
  const fields = fieldsAt({ reply }, 'reply');
  const data = fieldsAt(fields, 'data');
  return {
    ...readGrant(fields),
    leaseId: textAt(fields, 'lease_id'),
    user: { name: textAt(data, 'username'), password: new Secret(textAt(data, 'password')) },
  };
}
