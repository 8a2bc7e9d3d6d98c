// Translates the configuration into the options of each part, so that no part knows the settings of another.
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config, VaultConfig } from '../config/config.js';
import { isLoopback } from '../config/rules.js';
import type { DockerBackendOptions } from '../docker/backend.js';
import type { Confinement } from '../docker/program/confinement.js';
import type { ExecutorOptions } from '../executor/run.js';
import { policiesOf } from '../job/options/rules.js';
import type { VaultAddress } from '../vault/client/client.js';
import type { VaultOptions } from '../vault/secrets.js';
import type { ServerLoginWay } from '../vault/server-login/login-ways.js';
import type { Log } from './log.js';
import type { NodeState } from './node-state.js';

/** Throws `Error` when the certificate authority's file (`VAULT_CACERT`) cannot be read. */
export function vaultAddress(vault: VaultConfig): VaultAddress {
  const { address, namespace, skipVerify, timeoutMs, caCertPath } = vault;
  return { address, namespace, skipVerify, timeoutMs, caPem: caCertPath && readFileSync(caCertPath, 'utf8') };
}

/** Warns of settings with which somebody else may answer in the place of Vault. */
export function vaultOptions(vault: VaultConfig, log: Log): VaultOptions {
  for (const warning of impostorWarnings(vault)) log.warn(warning);
  return {
    ...vaultAddress(vault),
    roleId: vault.appRole.id,
    roleName: vault.appRole.name,
    appRoleMount: vault.appRole.mount,
    transitMount: vault.transit.mount,
    transitKey: vault.transit.key,
    acceptRewrapped: vault.acceptRewrapped,
    secretsLimitBytes: vault.secretsLimitBytes,
    server: serverLoginWay(vault),
    onFailure: ({ message, ...facts }) => log.warn(message, facts),
  };
}

/** Undefined where the server has no login of its own. */
export function serverLoginWay({ serverLogin, appRole }: VaultConfig): ServerLoginWay | undefined {
  if (serverLogin === undefined) return undefined;
  switch (serverLogin.method) {
    case 'approle': {
      const { roleId, secretId, secretIdFile, isWrapped } = serverLogin;
      const readSecretId = secretIdFile === undefined ? async () => secretId.reveal() : reader(secretIdFile);
      return { method: 'approle', mount: appRole.mount, roleId, readSecretId, isWrapped };
    }
    case 'token':
      return { method: 'token', readToken: reader(serverLogin.file) };
    case 'kubernetes': {
      const { mount, role, jwtFile } = serverLogin;
      return { method: 'kubernetes', mount, role, readJwt: reader(jwtFile) };
    }
  }
}

const reader = (path: string) => () => readFile(path, 'utf8');
function impostorWarnings({ address, skipVerify }: VaultConfig): string[] {
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:')
    return skipVerify ? [`VAULT_SKIP_VERIFY is true: ${whoMay} Use VAULT_CACERT instead.`] : [];
  return isLoopback(hostname)
    ? []
    : [`VAULT_ADDR is plain HTTP to another machine: ${whoMay} Use https where nothing else encrypts.`];
}

const whoMay = 'whoever is between stint and Vault can read and replace every token and secret.';

export function dockerOptions(config: Config, node: NodeState, log: Log): DockerBackendOptions {
  const { docker, job, contentLimitBytes, secretsDirectory, starts, sandboxes, vault } = config;
  return {
    docker,
    job,
    confinement: confinementOf(job),
    contentLimitBytes,
    secretsDirectory,
    starts,
    sandboxes,
    nodeId: node.nodeId,
    sharedKey: node.sealKey,
    caCertificatePath: vault.caCertPath,
    onFailure: (message) => log.warn(message),
  };
}

/** Throws `Error` where the profile cannot be read, or says nothing: jobs must not run without what the operator meant. */
function confinementOf({ readOnly, seccompPath }: Config['job']): Confinement {
  const seccompProfile = seccompPath === undefined ? undefined : readFileSync(seccompPath, 'utf8');
  if (seccompProfile !== undefined && !isProfile(seccompProfile))
    throw new Error(
      `Expected STINT_JOB_SECCOMP to name a JSON object with a \`defaultAction\`, got something else in "${seccompPath}".`,
    );
  return { readOnly, seccompProfile };
}

function isProfile(text: string): boolean {
  try {
    const profile = JSON.parse(text) as { readonly defaultAction?: unknown } | null;
    return typeof profile?.defaultAction === 'string';
  } catch {
    return false;
  }
}

/** A rule for a queue is only as good as who may submit there. */
export function warnOfOpenQueues({ job, submitNeedsRight }: Config, log: Log): void {
  if (submitNeedsRight || job.rules.every(({ queue }) => queue === undefined)) return;
  log.warn(
    'STINT_ALLOW_RULES allows more in single queues, and whoever has a token may submit to every queue: set STINT_SUBMIT_NEEDS_RIGHT.',
  );
}

/** Jobs get the server's own address of Vault in their environment, as GoStint's jobs expect. */
export function executorOptions(config: Config): ExecutorOptions {
  const { stopGraceMs, maxRunTimeMs, outputLimitBytes, maskOutput, vault, job } = config;
  const certificate = vault.caCertPath === undefined ? [] : [`VAULT_CACERT=${vault.caCertPath}`];
  const env = [`VAULT_ADDR=${vault.address}`, ...certificate];
  return {
    stopGraceMs,
    maxRunTimeMs,
    outputLimitBytes,
    maskOutput,
    revokesPrinted: config.revokesPrinted,
    imageSecretRefs: config.imageSecretRefs,
    env,
    tokenInEnv: job.tokenInEnv,
    policyFor: policiesOf(job.policy, job.rules),
  };
}

/** The version in the package.json that was shipped with the program. */
export function programVersion(): string {
  const about = JSON.parse(readFileSync(join(dirname(migrationsFolder()), 'package.json'), 'utf8'));
  return String((about as { version?: unknown }).version);
}

/** Searches upwards, because the code runs from `src/` or from the compiled `dist/src/`, which has no SQL beside it. */
export function migrationsFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'migrations', 'meta', '_journal.json'))) {
    if (folder === dirname(folder)) throw new Error('Could not find the folder "migrations" of stint.');
    folder = dirname(folder);
  }
  return join(folder, 'migrations');
}
