// What GoStint's own client asks Vault for, step by step, for the tests of that client.
import { toJson, type Wire } from './original-wire.js';

/** The fields of Vault's answers that are used here; which of them are there depends on the request. */
interface Answer {
  readonly auth: { readonly client_token: string };
  readonly wrap_info: { readonly token: string };
  readonly data: Readonly<Record<string, unknown>>;
}

/** The steps in the order in which the client takes them. Each is taken with the token that was set last. */
export class OriginalVault {
  readonly #wire: Wire;
  readonly #flags: ReadonlyMap<string, string>;
  #token = '';

  constructor(wire: Wire, flags: ReadonlyMap<string, string>) {
    this.#wire = wire;
    this.#flags = flags;
  }

  /** Logs in, where no token was given, and looks whether the token is good. */
  async authenticate(): Promise<void> {
    this.#token = this.#flags.get('vault-token') ?? (await this.#logIn());
    await this.#wire.get(this.#url('auth/token/lookup-self'), { 'X-Vault-Token': this.#token });
  }

  async #logIn(): Promise<string> {
    const login = { role_id: this.#flags.get('vault-roleid'), secret_id: this.#flags.get('vault-secretid') };
    const answer = (await this.#wire.put(this.#url('auth/approle/login'), {}, login)) as Answer;
    return answer.auth.client_token;
  }

  async makeToken(options: object): Promise<string> {
    return (await this.#put('auth/token/create', options)).auth.client_token;
  }

  async wrapSecretId(): Promise<string> {
    const path = `auth/approle/role/${this.#role}/secret-id`;
    return (await this.#put(path, null, { 'X-Vault-Wrap-Ttl': '1h' })).wrap_info.token;
  }

  async encrypt(job: object): Promise<unknown> {
    const plaintext = Buffer.from(toJson(job)).toString('base64');
    return (await this.#put(`transit/encrypt/${this.#role}`, { plaintext })).data.ciphertext;
  }

  /** The token of the cubbyhole is the one that stays set. */
  async leaveInCubbyhole(token: string, ciphertext: unknown): Promise<void> {
    this.#token = token;
    await this.#put('cubbyhole/job', { payload: ciphertext });
  }

  async revokeToken(): Promise<void> {
    await this.#put('auth/token/revoke-self', null);
  }

  get #role(): string {
    return this.#flags.get('gostint-approle') ?? '';
  }

  async #put(
    path: string,
    body: object | null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const all = { 'X-Vault-Token': this.#token, ...headers };
    return (await this.#wire.put(this.#url(path), all, body)) as Answer;
  }

  #url(path: string): string {
    return `${this.#flags.get('vault-url')}/v1/${path}`;
  }
}
