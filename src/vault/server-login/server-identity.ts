// Revokes job tokens, destroys SecretIDs and signs with the server's own Vault login.

import type { HeadSignature } from '../../job/audit/head.js';
import { BrokenError } from '../../job/errors.js';
import type { OnFailure } from '../client/background-failure.js';
import type { VaultConnection, VaultRequest } from '../client/client.js';
import { toVaultFailure, type VaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { countAt, type Fields, fieldsAt, textAt, textsAt } from '../client/shape.js';
import type { TransitKey } from '../session/payload.js';
import { type LoginWay, openLoginWay, type ServerLoginWay } from './login-ways.js';
import { ServerLogin } from './server-login.js';

export interface ServerIdentityOptions {
  readonly login: ServerLoginWay;
  /** Mount of the AppRole method of the jobs' SecretIDs. */
  readonly mount: string;
  /** The jobs' role, whose SecretIDs it may destroy. */
  readonly jobRole: string;
  readonly onFailure: OnFailure;
}

/** `gone`: nothing was left to do. `unsure`: it failed, or whether it was done is not known. */
export type CleanUpAnswer = 'revoked' | 'gone' | 'unsure';

/**
 * The server's own login, for cleaning up what jobs cannot clean up themselves. It sends no request that is not needed:
 * GoStint's set-up gives this role two uses and a policy for something else, and stint must work with that. What
 * the role may not do is remembered and reported by `describe`. Its methods never throw, but for `sign`.
 */
export class ServerIdentity implements AsyncDisposable {
  readonly #login: ServerLogin;
  /** The paths for cleaning up: each is posted to, and is also the one a policy must allow. */
  readonly #paths: { readonly token: string; readonly secretId: string };
  readonly #refused = new Set<string>();
  #failure: VaultFailure | undefined;

  constructor(connection: VaultConnection, { onFailure, jobRole, mount, login }: ServerIdentityOptions) {
    this.#paths = {
      token: pathOf('auth/token/revoke-accessor'),
      secretId: pathOf('auth', mount, 'role', jobRole, 'secret-id-accessor/destroy'),
    };
    const way = openLoginWay(connection, login);
    const onLoginFailure = (failure: VaultFailure) => {
      this.#failure = failure;
      onFailure({ code: 'server_login_failed', message: loginFailed(failure, way) });
    };
    this.#login = new ServerLogin(connection, { way, onFailure: onLoginFailure });
  }

  /** Revokes a token, with what it leased, by its accessor. */
  revokeByAccessor(accessor: string): Promise<CleanUpAnswer> {
    return this.#cleanUp(this.#paths.token, { accessor }, accessor);
  }

  /** Destroys a SecretID of the jobs' role that was unwrapped and could not be used. */
  destroySecretIdByAccessor(accessor: string): Promise<CleanUpAnswer> {
    return this.#cleanUp(this.#paths.secretId, { secret_id_accessor: accessor }, accessor);
  }

  /** Signs a text with a transit key of the type ed25519. Throws `BrokenError`, retryable unless Vault refuses. */
  async sign(transit: TransitKey, text: string): Promise<HeadSignature> {
    const { mount, key } = transit;
    const body = { input: Buffer.from(text).toString('base64') };
    try {
      const request: VaultRequest = { method: 'POST', path: pathOf(mount, 'sign', key), body };
      const made = await this.#login.ask(request, (reply) => readSignature(fieldsAt(reply, 'data')));
      const shown: VaultRequest = { method: 'GET', path: pathOf(mount, 'keys', key) };
      const publicKey = await this.#login.ask(shown, (reply) => readPublicKey(reply, made.keyVersion));
      return { key, publicKey, ...made };
    } catch (error) {
      throw notSigned(transit, toVaultFailure(error));
    }
  }

  /**
   * Logs in and reports what the role may do. Its rights are asked for only where its uses are not counted, because
   * that request costs a use too.
   */
  async check(): Promise<string> {
    try {
      const { uses } = await this.#login.open();
      this.#failure = undefined;
      if (uses === 0) await this.#askForRights();
    } catch (error) {
      toVaultFailure(error); // A failed login is reported already; without an answer about rights, none is known to be missing.
    }
    return this.describe();
  }

  /** What is known of the role, and which policy lines it lacks: one text for the log. */
  describe(): string {
    const missing = [...this.#refused].map((path) => `path "${path}" { capabilities = ["update"] }`);
    const hint =
      missing.length === 0 ? '' : ` It may not clean up after jobs; add to its policy: ${missing.join(' ')}`;
    return `The server's own Vault login: ${this.#facts()}.${hint}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#login[Symbol.asyncDispose]();
  }

  #facts(): string {
    const { issued } = this.#login;
    if (issued === undefined) return this.#failure?.message ?? 'not used yet';
    const uses = issued.uses === 0 ? 'any number of uses' : `${issued.uses} uses for each login`;
    return `policies ${issued.policies.join(', ')}; ${uses}`;
  }

  async #cleanUp(path: string, body: object, accessor: string): Promise<CleanUpAnswer> {
    if (accessor === '' || this.#isKnownRefused(path)) return 'unsure';
    try {
      await this.#login.ask({ method: 'POST', path, body }, () => undefined);
      this.#refused.delete(path);
      return 'revoked';
    } catch (error) {
      const failure = toVaultFailure(error);
      if (failure.hint === 'accessor_gone') return 'gone';
      if (failure.kind === 'denied') this.#refused.add(path);
      return 'unsure';
    }
  }

  /** What was refused once is not tried again where each try costs one of few uses. */
  #isKnownRefused(path: string): boolean {
    return this.#refused.has(path) && this.#login.issued?.uses !== 0;
  }

  async #askForRights(): Promise<void> {
    const paths = Object.values(this.#paths);
    const request: VaultRequest = { method: 'POST', path: pathOf('sys/capabilities-self'), body: { paths } };
    const rights = await this.#login.ask(request, (reply) => fieldsAt(reply, 'data'));
    for (const path of paths) {
      const has = textsAt(rights, path).some((right) => ['update', 'root', 'sudo'].includes(right));
      if (has) this.#refused.delete(path);
      else this.#refused.add(path);
    }
  }
}

function readSignature(data: Fields): Pick<HeadSignature, 'keyVersion' | 'signature'> {
  const text = textAt(data, 'signature');
  return { keyVersion: countAt(data, 'key_version'), signature: text.slice(text.lastIndexOf(':') + 1) };
}

function readPublicKey(reply: unknown, version: number): string {
  return textAt(fieldsAt(fieldsAt(fieldsAt(reply, 'data'), 'keys'), String(version)), 'public_key');
}

function notSigned({ mount, key }: TransitKey, failure: VaultFailure): BrokenError {
  const remedy = failure.isUnavailable
    ? ''
    : ` Make the key with the type ed25519, and add to the policy of the server: path "${mount}/sign/${key}" ` +
      `{ capabilities = ["update"] } path "${mount}/keys/${key}" { capabilities = ["read"] }`;
  const text = `Could not sign the head of the history with the key "${key}": ${failure.message}${remedy}`;
  return new BrokenError('vault_unavailable', text, { cause: failure, retryable: failure.isUnavailable });
}

function loginFailed(failure: VaultFailure, { settings }: LoginWay): string {
  return `Could not log in to Vault as the server itself: ${failure.message} Check ${settings}. Jobs still run.`;
}
