import { connect, type VaultAccess } from './bootstrap/api.js';
import { ensureDemoSecrets } from './bootstrap/demo-secrets.js';
import { ensureMounts } from './bootstrap/mounts.js';
import { ensurePolicies } from './bootstrap/policies.js';
import { ensureLogin, ensureRoles, readRoleId, roleNames } from './bootstrap/roles.js';
import { ensure, type Log, type Workbench } from './bootstrap/steps.js';

export { BootstrapError } from './bootstrap/api.js';

export interface BootstrapOptions extends VaultAccess {
  /** Replaces policies of ours that somebody has changed. */
  readonly overwritePolicies?: boolean | undefined;
  readonly log?: Log | undefined;
}

/** What a prepared Vault has: what a server is set up with, and what a client needs. Holds secrets. */
export interface VaultSetup {
  /** Where the AppRole method and the transit engine are. */
  readonly appRoleMount: string;
  readonly transitMount: string;
  /** The role that jobs log in with; clients make its SecretIDs. */
  readonly roleName: string;
  readonly roleId: string;
  /** Clients encrypt payloads with it. */
  readonly transitKey: string;
  readonly serverRoleId: string;
  readonly serverSecretId: string;
  /** The policy of submitters, and an AppRole login that has it. */
  readonly clientPolicy: string;
  readonly clientRoleId: string;
  readonly clientSecretId: string;
}

/**
 * Prepares a Vault or an OpenBao for stint: engines, AppRoles, transit key, policies, demo secrets. Run again, it makes
 * only what is missing and returns the same. Nothing that is there is changed, and nothing is ever removed.
 *
 * Throws `BootstrapError`; what was made until then stays, and the next run goes on from there.
 */
export async function bootstrapVault(options: BootstrapOptions): Promise<VaultSetup> {
  using api = connect(options);
  const bench: Workbench = { api, log: options.log ?? (() => undefined) };
  await api.read('auth/token/lookup-self'); // Whether there is a Vault that knows the token, before anything is made.
  await ensureMounts(bench);
  await ensureTransitKey(bench);
  await ensurePolicies(bench, options.overwritePolicies ?? false);
  await ensureRoles(bench);
  await ensureDemoSecrets(bench);
  return await readSetup(bench);
}

/** Named as the role is, since GoStint's clients know no other name for it. It cannot be exported. */
async function ensureTransitKey(bench: Workbench): Promise<void> {
  const path = `transit/keys/${roleNames.job}`;
  await ensure(bench, {
    name: `transit key ${roleNames.job}`,
    isThere: async () => (await bench.api.read(path)) !== undefined,
    create: () => bench.api.write(path, {}),
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
    serverRoleId: server.roleId,
    serverSecretId: server.secretId,
    clientPolicy: roleNames.client,
    clientRoleId: client.roleId,
    clientSecretId: client.secretId,
  };
}
