import { randomBytes } from 'node:crypto';
import { Secret } from '../../src/job/secret.js';
import type { VaultOptions } from '../../src/vault/secrets.js';
import { bootstrapVault, type VaultSetup } from '../../vault-dev/bootstrap.js';
import { type LiveVault, VaultAdmin } from '../vault/live-bench.js';

/** Method, path and, if there is one, body. */
export type Request = readonly [method: 'GET' | 'POST' | 'DELETE', path: string, body?: object];

export interface JobLogin {
  readonly token: string;
  readonly accessor: string;
  readonly secretId: string;
}

/** A Vault after the bootstrap, and its users. */
export class PreparedVault {
  readonly vault: LiveVault;
  readonly admin: VaultAdmin;
  readonly setup: VaultSetup;

  constructor(vault: LiveVault, setup: VaultSetup) {
    this.vault = vault;
    this.admin = new VaultAdmin(vault);
    this.setup = setup;
  }

  static async prepare(vault: LiveVault): Promise<PreparedVault> {
    return new PreparedVault(vault, await bootstrapVault(accessTo(vault)));
  }

  async tokenWith(policy: string): Promise<string> {
    const body = { policies: [policy], ttl: '5m' };
    return (await this.admin.call('POST', 'auth/token/create', { body })).auth?.client_token ?? '';
  }

  /** Of the requests, those that Vault does not refuse to a token of this policy. */
  async allowedOf(policy: string, requests: readonly Request[]): Promise<readonly Request[]> {
    const token = await this.tokenWith(policy);
    const allowed: Request[] = [];
    for (const request of requests) if (await this.#isAllowed(token, request)) allowed.push(request);
    return allowed;
  }

  async clientLogin(): Promise<string> {
    const body = { role_id: this.setup.clientRoleId, secret_id: this.setup.clientSecretId };
    const { auth } = await this.admin.call('POST', 'auth/approle/login', { token: '', body });
    return auth?.client_token ?? '';
  }

  /** As whoever holds both halves of a job's login. */
  async jobLogin(): Promise<JobLogin> {
    const made = await this.admin.call('POST', jobSecretId, { body: {} });
    const secretId = String(made.data?.secret_id);
    const body = { role_id: this.setup.roleId, secret_id: secretId };
    const { auth } = await this.admin.call('POST', 'auth/approle/login', { token: '', body });
    return { token: auth?.client_token ?? '', accessor: auth?.accessor ?? '', secretId };
  }

  /** Stores a payload in a cubbyhole for the server, as GoStint's client does. */
  async submit(client: string, payload: string): Promise<{ token: Secret; path: string }> {
    const plaintext = Buffer.from(payload).toString('base64');
    const encrypt = { token: client, body: { plaintext } };
    const { data } = await this.admin.call('POST', 'transit/encrypt/stint-job', encrypt);
    const create = { token: client, body: { policies: ['default'], ttl: '60m', num_uses: 2 } };
    const { auth } = await this.admin.call('POST', 'auth/token/create', create);
    const token = auth?.client_token ?? '';
    const path = `cubbyhole/${randomBytes(4).toString('hex')}`;
    await this.admin.call('POST', path, { token, body: { payload: data?.ciphertext } });
    return { token: new Secret(token), path };
  }

  /** The settings of a server that uses it. */
  get options(): VaultOptions {
    const { appRoleMount, roleName, transitKey, transitMount, roleId, ...rest } = this.setup;
    return {
      address: this.vault.address,
      skipVerify: false,
      timeoutMs: 5_000,
      roleId: new Secret(roleId),
      roleName,
      appRoleMount,
      transitMount,
      transitKey,
      acceptRewrapped: false,
      server: {
        method: 'approle',
        mount: appRoleMount,
        roleId: new Secret(rest.serverRoleId),
        readSecretId: async () => rest.serverSecretId,
        isWrapped: false,
      },
    };
  }

  async #isAllowed(token: string, [method, path, body]: Request): Promise<boolean> {
    const response = await this.admin.raw(method, path, { token, ...(body && { body }) });
    await response.body?.cancel();
    return response.status !== 403;
  }
}

export const jobSecretId = 'auth/approle/role/stint-job/secret-id';

export function accessTo({ address, rootToken }: LiveVault): { address: string; token: string } {
  return { address, token: rootToken };
}
