import { randomBytes } from 'node:crypto';
import { Secret } from '../../src/job/secret.js';
import type { BackgroundFailure } from '../../src/vault/client/background-failure.js';
import { createVaultSecrets, type VaultOptions, type VaultSecrets } from '../../src/vault/secrets.js';
import type { ServerLoginWay } from '../../src/vault/server-login/login-ways.js';
import type { Phase, SecretsBench } from '../contract/secrets.contract.js';
import { FaultProxy, sealed } from './fault-proxy.js';

/** A Vault that speaks HTTP, real or embedded. */
export interface LiveVault {
  readonly address: string;
  readonly rootToken: string;
}

/** Starts one, or finds the one that is shared. */
export type FindVault = () => Promise<LiveVault>;

/** One answer of Vault's to the admin client: only the fields that the tests read. */
export interface Answer {
  readonly data?: Record<string, unknown>;
  readonly auth?: { readonly client_token: string; readonly accessor: string; readonly entity_id?: string };
  readonly wrap_info?: { readonly token: string; readonly wrapped_accessor?: string };
}

export interface Call {
  readonly token?: string;
  readonly body?: object;
  readonly wrapTtl?: number;
}

/** Talks to Vault as a client or an admin would, past the proxy. */
export class VaultAdmin {
  readonly #vault: LiveVault;

  constructor(vault: LiveVault) {
    this.#vault = vault;
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const response = await this.raw(method, path, call);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return (text === '' ? {} : JSON.parse(text)) as Answer;
  }

  raw(method: string, path: string, call: Call = {}): Promise<Response> {
    const wrapping = call.wrapTtl === undefined ? {} : { 'X-Vault-Wrap-TTL': String(call.wrapTtl) };
    return fetch(`${this.#vault.address}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': call.token ?? this.#vault.rootToken, ...wrapping },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  }

  async wrapped(method: string, path: string, call: Call = {}): Promise<Secret> {
    const answer = await this.call(method, path, { wrapTtl: 300, ...call });
    return new Secret(answer.wrap_info?.token ?? '');
  }
}

/** Names of one bench, so that several can share one Vault. */
export interface BenchNames {
  readonly appRole: string;
  readonly transit: string;
  readonly kv1: string;
  readonly kv2: string;
  readonly policy: string;
}

export interface LiveBenchOptions {
  /** Overrides settings of the default role: 10 uses, 20 minutes. */
  readonly role?: object;
  readonly secrets?: Partial<VaultOptions>;
  /** A login of the server's own, which may revoke tokens or destroy SecretIDs. */
  readonly server?: {
    readonly rights: readonly ('revoke' | 'destroy' | 'sign' | 'show')[];
    readonly role?: object;
  };
}

const paths: Record<Phase, RegExp> = {
  payload: /^cubbyhole\//,
  lookUp: /^sys\/wrapping\/lookup$/,
  unwrap: /^sys\/wrapping\/unwrap$/,
  login: /^auth\/approle-\w+\/login$/,
  decrypt: /^transit-\w+\/decrypt\//,
  read: /^(?:kv[12]-\w+|forbidden)\//,
  renew: /^auth\/token\/renew-self$/,
  revoke: /^auth\/token\/revoke-self$/,
};

export interface LiveBench extends SecretsBench {
  readonly secrets: VaultSecrets;
  readonly admin: VaultAdmin;
  readonly proxy: FaultProxy;
  readonly names: BenchNames;
  readonly failures: BackgroundFailure[];
  readonly options: VaultOptions;
}

/** Sets a Vault up as an operator would, and puts a proxy between it and our code. */
export async function startLiveBench(vault: LiveVault, options: LiveBenchOptions = {}): Promise<LiveBench> {
  const admin = new VaultAdmin(vault);
  const names = await setUp(admin, options.role ?? {});
  const proxy = await FaultProxy.start(vault.address);
  const failures: BackgroundFailure[] = [];
  const server = options.server && (await serverRole(admin, names, options.server));
  const vaultOptions = {
    ...(await optionsOf(admin, names)),
    address: proxy.address,
    server,
    ...options.secrets,
  };
  const secrets = createVaultSecrets({ ...vaultOptions, onFailure: (failure) => failures.push(failure) });
  const cubbyholeOf = async (payload: string) => {
    const { auth } = await admin.call('POST', 'auth/token/create', {
      body: { policies: ['default'], ttl: '10m', num_uses: 2 },
    });
    const token = auth?.client_token ?? '';
    await admin.call('POST', 'cubbyhole/job', { token, body: { payload } });
    return { token: new Secret(token), path: 'cubbyhole/job' };
  };
  return {
    secrets,
    admin,
    proxy,
    names,
    failures,
    options: vaultOptions,
    ...clientSide(admin, names),
    cubbyhole: cubbyholeOf,
    isAlive: (accessor) => isAlive(admin, accessor),
    fail: (phase, how) => {
      if (how === 'sealed') proxy.spoil(paths[phase], sealed);
      else proxy.spoil(paths[phase], { kind: 'drop_reply' }, 1);
    },
    heal: () => proxy.heal(),
    count: (phase) => proxy.count(paths[phase]),
    [Symbol.asyncDispose]: async () => {
      await secrets[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A token that has spent its uses has ended, though Vault may still show it for a moment: with -1 uses. */
async function isAlive(admin: VaultAdmin, accessor: string): Promise<boolean> {
  const response = await admin.raw('POST', 'auth/token/lookup-accessor', { body: { accessor } });
  const { data } = (await response.json()) as Answer;
  return response.ok && data?.num_uses !== -1;
}

async function setUp(admin: VaultAdmin, role: object): Promise<BenchNames> {
  const id = randomBytes(4).toString('hex');
  const names = {
    appRole: `approle-${id}`,
    transit: `transit-${id}`,
    kv1: `kv1-${id}`,
    kv2: `kv2-${id}`,
    policy: `job-${id}`,
  };
  await admin.call('POST', `sys/auth/${names.appRole}`, { body: { type: 'approle' } });
  await admin.call('POST', `sys/mounts/${names.transit}`, { body: { type: 'transit' } });
  await admin.call('POST', `sys/mounts/${names.kv1}`, { body: { type: 'kv', options: { version: '1' } } });
  await admin.call('POST', `sys/mounts/${names.kv2}`, { body: { type: 'kv', options: { version: '2' } } });
  await admin.call('POST', `${names.transit}/keys/job`, { body: {} });
  await admin.call('POST', `sys/policies/acl/${names.policy}`, { body: { policy: policyOf(names) } });
  await untilReady(admin, names.kv2);
  const usual = {
    token_policies: [names.policy],
    token_ttl: '20m',
    token_num_uses: 10,
    secret_id_num_uses: 1,
  };
  await admin.call('POST', `auth/${names.appRole}/role/job`, { body: { ...usual, ...role } });
  return names;
}

/** A fresh KV 2 mount answers "upgrading" for a moment. */
async function untilReady(admin: VaultAdmin, kv2: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await admin.raw('POST', `${kv2}/data/ready`, { body: { data: {} } })).ok) {
    if (performance.now() > deadline) throw new Error('The KV 2 mount does not get ready.');
  }
}

function policyOf(names: BenchNames): string {
  const readable = [`${names.kv1}/*`, `${names.kv2}/data/*`, `${names.kv2}/+`].map(
    (path) => `path "${path}" { capabilities = ["read"] }`,
  );
  return [...readable, `path "${names.transit}/decrypt/job" { capabilities = ["update"] }`].join('\n');
}

async function optionsOf(admin: VaultAdmin, names: BenchNames): Promise<Omit<VaultOptions, 'address'>> {
  const { data } = await admin.call('GET', `auth/${names.appRole}/role/job/role-id`);
  return {
    skipVerify: false,
    timeoutMs: 2_000,
    retryForMs: 600,
    roleId: new Secret(String(data?.role_id)),
    roleName: 'job',
    appRoleMount: names.appRole,
    transitMount: names.transit,
    transitKey: 'job',
    acceptRewrapped: false,
  };
}

async function serverRole(
  admin: VaultAdmin,
  names: BenchNames,
  { rights, role = {} }: NonNullable<LiveBenchOptions['server']>,
): Promise<NonNullable<VaultOptions['server']>> {
  const pathsOf = {
    revoke: 'auth/token/revoke-accessor',
    destroy: `auth/${names.appRole}/role/job/secret-id-accessor/destroy`,
    sign: `${names.transit}/sign/audit`,
    show: `${names.transit}/keys/audit`,
  };
  const name = `server-${names.policy}`;
  const base = `auth/${names.appRole}/role/${name}`;
  const lines = rights.map(
    (right) => `path "${pathsOf[right]}" { capabilities = ["${right === 'show' ? 'read' : 'update'}"] }`,
  );
  const policy = ['path "database/creds/stint" { capabilities = ["read"] }', ...lines].join('\n');
  await admin.call('POST', `sys/policies/acl/${name}`, { body: { policy } });
  await admin.call('POST', base, { body: { token_policies: [name], token_ttl: '20m', ...role } });
  const roleId = (await admin.call('GET', `${base}/role-id`)).data?.role_id;
  const secretId = (await admin.call('POST', `${base}/secret-id`, { body: {} })).data?.secret_id;
  return appRoleWay(names.appRole, new Secret(String(roleId)), async () => String(secretId));
}

/** A login of the server's own by an AppRole. */
export function appRoleWay(
  mount: string,
  roleId: Secret,
  readSecretId: () => Promise<string>,
  isWrapped = false,
): ServerLoginWay & { method: 'approle' } {
  return { method: 'approle', mount, roleId, readSecretId, isWrapped };
}

type ClientSide = Pick<
  SecretsBench,
  | 'wrap'
  | 'wrapChosen'
  | 'rewrap'
  | 'steal'
  | 'encrypt'
  | 'write'
  | 'deleteVersion'
  | 'destroyVersion'
  | 'forbidden'
>;

function clientSide(admin: VaultAdmin, names: BenchNames): ClientSide {
  const secretIdPath = `auth/${names.appRole}/role/job/secret-id`;
  return {
    wrap: (wrapTtl = 300) => admin.wrapped('POST', secretIdPath, { wrapTtl, body: {} }),
    wrapChosen: (role = 'job') => {
      const body = { secret_id: `chosen-${randomBytes(8).toString('hex')}` };
      return admin.wrapped('POST', `auth/${names.appRole}/role/${role}/custom-secret-id`, { body });
    },
    rewrap: async () => {
      const { data } = await admin.call('POST', secretIdPath, { body: {} });
      return admin.wrapped('POST', 'sys/wrapping/wrap', { body: { secret_id: data?.secret_id } });
    },
    steal: async (wrappingToken) => {
      await admin.call('POST', 'sys/wrapping/unwrap', { token: wrappingToken.reveal() });
    },
    encrypt: async (text) => {
      const plaintext = Buffer.from(text).toString('base64');
      const { data } = await admin.call('POST', `${names.transit}/encrypt/job`, { body: { plaintext } });
      return String(data?.ciphertext);
    },
    write: async (name, data, version) => {
      const path = version === 1 ? `${names.kv1}/${name}` : `${names.kv2}/data/${name}`;
      await admin.call('POST', path, { body: version === 1 ? data : { data } });
      return path;
    },
    deleteVersion: async (path) => {
      await admin.call('DELETE', path);
    },
    destroyVersion: async (path, version) => {
      await admin.call('POST', path.replace('/data/', '/destroy/'), { body: { versions: [version] } });
    },
    forbidden: async () => 'forbidden/data/app',
  };
}
