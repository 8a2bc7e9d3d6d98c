// A Vault and a stint for GoStint's own client, set up as the original's script and its client's README do.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rigPart } from '../support/rig-part.js';
import { type Ended, originalClient } from './original-client.js';
import { type StintOnRig, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

export interface OriginalStage extends StintOnRig {
  readonly operator: VaultOperator;
  /** For what the tests pack and write; removed at the end. */
  readonly directory: string;
  /** A mount whose secrets Vault gives with a warning where their `ttl` is too long. */
  readonly leasedMount: string;
  /** Runs the client with the addresses, the role and a login; flags that are given again win. */
  gostint(...flags: readonly string[]): Promise<Ended>;
}

/** Await it at the top of a test file, like `startStintOnRig`. Every caller sees every job, as in the original. */
export async function startOriginalStage(
  settings: Readonly<Record<string, string>> = {},
): Promise<OriginalStage> {
  const operator = new VaultOperator(await rigPart('preparedVault'));
  const role = await makeJobRole(operator);
  const directory = await mkdtemp(join(tmpdir(), 'stint-original-'));
  const login = await writeLogin(directory, await makeClientRole(operator, role.name));
  const on = await startStintOnRig({
    STINT_APPROLE_NAME: role.name,
    STINT_APPROLE_ID: role.roleId,
    STINT_ACCESS: 'shared',
    STINT_MASK_OUTPUT: 'false',
    ...settings,
  });
  const addresses = [
    `-url=${on.stint.url}`,
    `-vault-url=${on.vault.address}`,
    `-gostint-approle=${role.name}`,
  ];
  return {
    ...on,
    operator,
    directory,
    leasedMount: role.leasedMount,
    gostint: (...flags) => {
      const hasToken = flags.some((flag) => flag.startsWith('-vault-token='));
      return originalClient(...addresses, ...(hasToken ? [] : login), ...flags);
    },
    [Symbol.asyncDispose]: async () => {
      await on[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

/** A job's token has ten uses, and a SecretID may be used again and again. The transit key is named as the role is. */
async function makeJobRole(operator: VaultOperator) {
  const leasedMount = uniqueName();
  const options = { version: '1', leased_passthrough: 'true' };
  await operator.write(`sys/mounts/${leasedMount}`, { type: 'kv', options });
  const policy = uniqueName();
  const { name, roleId } = await operator.makeRole({
    secret_id_ttl: '24h',
    secret_id_num_uses: 10_000,
    token_num_uses: 10,
    token_ttl: '20m',
    token_max_ttl: '30m',
    token_policies: [policy],
  });
  await operator.write(`transit/keys/${name}`, {});
  const readable = ['kv', 'kv1', leasedMount].map((mount) => rule(`${mount}/*`, 'read'));
  await writePolicy(operator, policy, [...readable, rule(`transit/decrypt/${name}`, 'update')]);
  return { name, roleId, leasedMount };
}

async function makeClientRole(operator: VaultOperator, jobRole: string) {
  const policy = uniqueName();
  await writePolicy(operator, policy, [
    rule('auth/token/create', 'create', 'read', 'update', 'delete', 'list'),
    rule(`auth/approle/role/${jobRole}/secret-id`, 'update'),
    rule(`transit/encrypt/${jobRole}`, 'update'),
  ]);
  const { name, roleId } = await operator.makeRole({
    token_ttl: '20m',
    token_max_ttl: '30m',
    token_policies: [policy],
  });
  return { roleId, secretId: await operator.makeSecretId(name) };
}

function rule(path: string, ...capabilities: readonly string[]): string {
  return `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`;
}

async function writePolicy(operator: VaultOperator, name: string, rules: readonly string[]): Promise<void> {
  await operator.write(`sys/policies/acl/${name}`, { policy: rules.join('\n') });
}

/** Editors end a file with a line break, which the client takes off. */
async function writeLogin(directory: string, login: { roleId: string; secretId: string }): Promise<string[]> {
  const files = { roleid: join(directory, 'role-id'), secretid: join(directory, 'secret-id') };
  await writeFile(files.roleid, `${login.roleId}\n`);
  await writeFile(files.secretid, `${login.secretId}\n`);
  return [`-vault-roleid=@${files.roleid}`, `-vault-secretid=@${files.secretid}`];
}
