// Prepares a Vault for stint: the order of the steps, and the settings that result.

import { connect, type VaultAccess } from './bootstrap/api.js';
import { ensureDemoSecrets } from './bootstrap/demo-secrets.js';
import { ensureMounts } from './bootstrap/mounts.js';
import { ensurePolicies } from './bootstrap/policies.js';
import { ensureLogin, ensureRoles, readRoleId, roleNames } from './bootstrap/roles.js';
import { ensure, type Log, type Workbench } from './bootstrap/steps.js';

export { BootstrapError } from './bootstrap/api.js';

export interface BootstrapOptions extends VaultAccess {
  /** Replace policies of stint that somebody has changed. */
  readonly overwritePolicies?: boolean | undefined;
  readonly log?: Log | undefined;
}

/** The settings for a server, and what a client needs. Holds secrets. */
export interface VaultSetup {
  /** Where the AppRole method and the transit engine are. */
  readonly appRoleMount: string;
  readonly transitMount: string;
  /** The role that jobs log in with; clients create its SecretIDs. */
  readonly roleName: string;
  readonly roleId: string;
  /** The key that clients encrypt payloads with. */
  readonly transitKey: string;
  /** The key that signs the head of the history. */
  readonly auditKey: string;
  readonly serverRoleId: string;
  readonly serverSecretId: string;
  /** The policy of submitters, and an AppRole login that has it. */
  readonly clientPolicy: string;
  readonly clientRoleId: string;
  readonly clientSecretId: string;
}

/**
 * Prepares a Vault or an OpenBao for stint: engines, AppRoles, transit key, policies, demo secrets. Another run creates
 * only what is missing and returns the same. What exists is not changed, and nothing is ever removed.
 *
 * Throws `BootstrapError`. What was created until then stays, and the next run continues from there.
 */
export async function bootstrapVault(options: BootstrapOptions): Promise<VaultSetup> {
  using api = connect(options);
  const bench: Workbench = { api, log: options.log ?? (() => undefined) };
  await api.read('auth/token/lookup-self'); // Fails early, before anything is created, without a Vault that knows the token.
  await ensureMounts(bench);
  await ensureTransitKey(bench, roleNames.job, {}); // Named like the role, because GoStint's clients use one name for both.
  await ensureTransitKey(bench, auditKey, { type: 'ed25519' });
  await ensurePolicies(bench, options.overwritePolicies ?? false);
  await ensureRoles(bench);
  await ensureDemoSecrets(bench);
  return await readSetup(bench);
}

const auditKey = 'stint-audit';

/** It cannot be exported. */
async function ensureTransitKey(bench: Workbench, name: string, body: object): Promise<void> {
  const path = `transit/keys/${name}`;
  await ensure(bench, {
    name: `transit key ${name}`,
    isThere: async () => (await bench.api.read(path)) !== undefined,
    create: () => bench.api.write(path, body),
  });
}

async function readSetup(bench: Workbench): Promise<VaultSetup> {
  const server = await ensureLogin(bench, roleNames.server, 'kv/data/stint/server-login');
  const client = await ensureLogin(bench, roleNames.client, 'kv/data/stint/client-login');
  return {
    appRoleMount: 'approle',
    transitMount: 'transit',
    roleName: roleNames.job,
    roleId: await readRoleId(bench, roleNames.job),
    transitKey: roleNames.job,
    auditKey,
    serverRoleId: server.roleId,
    serverSecretId: server.secretId,
    clientPolicy: roleNames.client,
    clientRoleId: client.roleId,
    clientSecretId: client.secretId,
  };
}
