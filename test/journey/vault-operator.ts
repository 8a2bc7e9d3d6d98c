import { randomBytes } from 'node:crypto';

/** Vault's answer. */
export interface VaultAnswer {
  readonly status: number;
  readonly body: VaultBody;
}

/** The fields of Vault's answers that tests read; which of them are there depends on the request. */
export interface VaultBody {
  readonly errors?: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly auth: { readonly client_token: string; readonly accessor: string };
  readonly wrap_info: { readonly token: string };
}

/** Uses Vault as its operator, to create what a test needs. Everything that it creates has a unique name. */
export class VaultOperator {
  readonly #vault: { readonly address: string; readonly rootToken: string };

  constructor(vault: { readonly address: string; readonly rootToken: string }) {
    this.#vault = vault;
  }

  /** Any request, by default with the root token. A refusal is returned as well. */
  async ask(
    method: string,
    path: string,
    { body, headers }: { body?: object; headers?: Record<string, string> } = {},
  ): Promise<VaultAnswer> {
    const { address, rootToken } = this.#vault;
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': rootToken, ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as VaultBody };
  }

  /** Throws where Vault refuses. */
  async write(path: string, body: object, headers: Record<string, string> = {}): Promise<VaultBody> {
    const answer = await this.ask('POST', path, { body, headers });
    if (answer.status < 300) return answer.body;
    throw new Error(`Could not write ${path}: ${answer.status} ${JSON.stringify(answer.body)}.`);
  }

  /** Writes one secret that jobs may read, on KV 2 or KV 1, and returns its path. */
  async writeSecret(engine: 'kv/data' | 'kv1', values: object): Promise<string> {
    const path = `${engine}/demo/${uniqueName()}`;
    await this.write(path, engine === 'kv1' ? values : { data: values });
    return path;
  }

  /** Makes an AppRole and returns its name and its credentials. */
  async makeRole(settings: object): Promise<{ name: string; roleId: string }> {
    const name = uniqueName();
    const path = `auth/approle/role/${name}`;
    await this.write(path, { token_type: 'service', ...settings });
    return { name, roleId: String((await this.ask('GET', `${path}/role-id`)).body.data.role_id) };
  }

  async makeSecretId(role: string): Promise<string> {
    return String((await this.write(`auth/approle/role/${role}/secret-id`, {})).data.secret_id);
  }

  /** A SecretID as clients make it: wrapped when it is created. */
  async wrapSecretId(role: string): Promise<string> {
    const path = `auth/approle/role/${role}/secret-id`;
    return (await this.write(path, {}, { 'X-Vault-Wrap-TTL': '600' })).wrap_info.token;
  }

  /** The look-up of a token with itself; undefined where the token is gone. */
  async lookUp(token: string): Promise<VaultBody['data'] | undefined> {
    const headers = { 'X-Vault-Token': token };
    const { status, body } = await this.ask('GET', 'auth/token/lookup-self', { headers });
    return status === 200 ? body.data : undefined;
  }
}

/** A unique name, for a Vault, an engine or a queue that other tests use too. */
export function uniqueName(): string {
  return `journey-${randomBytes(6).toString('hex')}`;
}
