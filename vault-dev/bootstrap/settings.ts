// Reads the settings of the bootstrap and prints the ones that a stint server needs.

import { readFileSync } from 'node:fs';
import { collectSettings, type Environment } from '../../src/config/collect.js';
import { schema } from '../../src/config/schema.js';
import type { VaultSetup } from '../bootstrap.js';
import { BootstrapError, type VaultAccess } from './api.js';

const vaultSettings = schema.pick({
  VAULT_ADDR: true,
  VAULT_CACERT: true,
  VAULT_NAMESPACE: true,
  VAULT_SKIP_VERIFY: true,
});

/** Reads Vault's address as the server does, and the token. Throws `BootstrapError` with all problems at once. */
export function readAccess(env: Environment): VaultAccess {
  const raw = collectSettings(env, (path) => readFileSync(path, 'utf8')).raw;
  const parsed = vaultSettings.safeParse(raw);
  const problems = (parsed.error?.issues ?? []).map((issue) =>
    problemOf(String(issue.path[0]), issue.message, raw),
  );
  const token = env.VAULT_TOKEN?.trim() ?? '';
  if (!/^[!-~]+$/.test(token))
    problems.push(
      'Set VAULT_TOKEN to a root token, or to one that may mount engines and write policies and roles.',
    );
  if (parsed.data === undefined || problems.length > 0) throw unusable(problems);
  const { VAULT_ADDR, VAULT_CACERT, VAULT_NAMESPACE, VAULT_SKIP_VERIFY } = parsed.data;
  return {
    address: VAULT_ADDR,
    token,
    namespace: VAULT_NAMESPACE,
    skipVerify: VAULT_SKIP_VERIFY,
    caPem: VAULT_CACERT === undefined ? undefined : readCa(VAULT_CACERT),
  };
}

function problemOf(name: string, shape: string, raw: Readonly<Record<string, string | undefined>>): string {
  const value = raw[name];
  if (value === undefined) return `Set ${name} to the address of Vault, such as http://127.0.0.1:8200.`;
  return `Expected ${name} to be ${shape}, got ${JSON.stringify(value.replace(/\/\/[^/]*@/, '//[secret]@'))}.`;
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw unusable([`Expected VAULT_CACERT to name a readable file, got ${JSON.stringify(path)}.`]);
  }
}

function unusable(problems: readonly string[]): BootstrapError {
  const lines = problems.map((problem) => `- ${problem}`);
  return new BootstrapError(`Could not prepare Vault:\n${lines.join('\n')}`);
}

/** The settings of a stint server as `export` lines for a shell. */
export function exportLines(access: VaultAccess, setup: VaultSetup): string[] {
  const variables = {
    VAULT_ADDR: access.address,
    STINT_APPROLE_NAME: setup.roleName,
    STINT_APPROLE_ID: setup.roleId,
    STINT_SERVER_ROLE_ID: setup.serverRoleId,
    STINT_SERVER_SECRET_ID: setup.serverSecretId,
    STINT_AUDIT_KEY: setup.auditKey,
  };
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
}

/** How a submitter gets a token. Its SecretID is not a setting of the server, so it is not printed. */
export function clientHint({ clientRoleId, clientPolicy }: VaultSetup): string {
  return (
    `vault: clients log in with the AppRole ${clientPolicy}: RoleID ${clientRoleId}, SecretID from ` +
    '`vault kv get -field=secret_id kv/stint/client-login`'
  );
}

/** RoleIDs are usually UUIDs, but a custom one may need quotes. */
function quote(value: string): string {
  return /^[\w:/.-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
