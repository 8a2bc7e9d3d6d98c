import { randomBytes } from 'node:crypto';
import type { FindVault, LiveVault } from '../vault/live-bench.js';

/** The answer; which fields of the body are there depends on the request. */
export interface Heard {
  readonly status: number;
  readonly body: Body;
}

/** The fields of Vault's answers that these tests read. */
export interface Body {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly string[];
  readonly warnings?: readonly string[] | null;
  readonly lease_duration?: number;
  readonly auth?: {
    readonly client_token: string;
    readonly accessor: string;
    readonly entity_id: string;
    readonly policies: readonly string[];
    readonly lease_duration: number;
    readonly renewable: boolean;
    readonly num_uses: number;
  } | null;
  readonly wrap_info?: {
    readonly token: string;
    readonly accessor: string;
    readonly creation_path: string;
    readonly wrapped_accessor?: string;
  } | null;
}

/** The request besides method and path. */
export interface Words {
  /** The root token where it is not given; empty sends none. */
  readonly token?: string;
  readonly body?: object;
  readonly wrap?: string;
}

/** Vault's error for a missing permission; an invalid token gets another one. */
export const denied = { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } };
/** Vault's error for an invalid token. */
export const unknownToken = { status: 403, body: { errors: ['permission denied'] } };

/** Sends plain HTTP to a Vault that other tests use too, so everything that it creates has a unique name. */
export class VaultBench {
  readonly #find: FindVault;

  constructor(find: FindVault) {
    this.#find = find;
  }

  async ask(method: string, path: string, words: Words = {}): Promise<Heard> {
    return await ask(await this.#find(), method, path, words);
  }

  /** Sends and returns texts, for what parsing JSON would change. */
  async send(method: string, path: string, body: string | null): Promise<string> {
    const { address, rootToken } = await this.#find();
    const headers = { 'X-Vault-Token': rootToken };
    return await (await fetch(`${address}/v1/${path}`, { method, headers, body })).text();
  }

  /** Mounts an engine or a method and returns its path; with `auth/` where it is a method. */
  async mount(type: 'kv-v1' | 'kv-v2' | 'transit' | 'approle' | 'userpass'): Promise<string> {
    const isMethod = type === 'approle' || type === 'userpass';
    const name = `${type}-${newId()}`;
    const version = type === 'kv-v1' ? '1' : '2';
    const body = type.startsWith('kv') ? { type: 'kv', options: { version } } : { type };
    await this.ask('POST', `sys/${isMethod ? 'auth' : 'mounts'}/${name}`, { body });
    if (type === 'kv-v2') await this.#untilReady(name);
    return isMethod ? `auth/${name}` : name;
  }

  async policy(text: string): Promise<string> {
    const name = `policy-${newId()}`;
    await this.ask('POST', `sys/policies/acl/${name}`, { body: { policy: text } });
    return name;
  }

  /** A token with the policies of these texts, without `default`. */
  async tokenOf(...texts: readonly string[]): Promise<string> {
    const policies = await Promise.all(texts.map((text) => this.policy(text)));
    return (await this.token({ policies, no_default_policy: true, ttl: '10m' })).client_token;
  }

  async token(body: object, maker?: string): Promise<NonNullable<Body['auth']>> {
    const words = maker === undefined ? { body } : { body, token: maker };
    const { status, body: answer } = await this.ask('POST', 'auth/token/create', words);
    if (answer.auth == null) throw new Error(`Expected a token, got ${status} ${JSON.stringify(answer)}.`);
    return answer.auth;
  }

  async isAlive(token: string): Promise<boolean> {
    return (await this.ask('POST', 'auth/token/lookup', { body: { token } })).status === 200;
  }

  /** A fresh KV 2 mount answers "upgrading" for a moment. */
  async #untilReady(mount: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    while ((await this.ask('GET', `${mount}/config`)).status !== 200) {
      if (performance.now() > deadline) throw new Error('The KV 2 mount does not get ready.');
    }
  }
}

/** One request to any Vault. */
export async function ask(vault: LiveVault, method: string, path: string, words: Words = {}): Promise<Heard> {
  const { token = vault.rootToken, body, wrap } = words;
  const response = await fetch(`${vault.address}/v1/${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { 'X-Vault-Token': token }),
      ...(wrap === undefined ? {} : { 'X-Vault-Wrap-TTL': wrap }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Body };
}

function newId(): string {
  return randomBytes(4).toString('hex');
}
