import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { EngineEvents } from '../../bench/chaos/history/engine-events.js';
import type { Places } from '../../bench/chaos/history/left-behind.js';
import { GostintClient } from '../../demo/gostint-client.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { startVaultServer } from '../../rig/vault/vault-server.js';
import { Closers } from '../../src/server/closers.js';
import { bootstrapVault } from '../../vault-dev/bootstrap.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';

/** What survives the nodes of one crash: database, Vault, the nodes' directories, and the recorded engine events. */
export interface CrashStage extends AsyncDisposable {
  readonly sql: Sql;
  readonly engine: EngineEvents;
  readonly places: Omit<Places, 'jobIds'>;
  /** Starts a process of the node of this name; the settings are added to those of all processes. */
  start(node: string, settings?: Readonly<Record<string, string>>): Promise<StintServer>;
  clientOf(stint: StintServer): Promise<GostintClient>;
}

/** The Vault is private, so that every job's token in it is from this test. */
export async function openCrashStage(): Promise<CrashStage> {
  const closers = new Closers();
  const { dockerHost } = await rigPart('engine');
  const database = closers.add(await createEmptyDatabase());
  const vault = closers.add(await startVaultServer({ alwaysOwn: true }));
  const setup = await bootstrapVault({ address: vault.address, token: vault.rootToken });
  const directory = closers.add(await temporary(join(tmpdir(), 'stint-crash-'))).path;
  const secrets = closers.add(await temporary('/dev/shm/stint-crash-')).path;
  const engine = closers.add(EngineEvents.listen('shared', dockerHost));
  const sql = connect(database.url, { max: 1, onnotice: () => undefined });
  closers.add({ [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) });
  const shared = {
    ...settingsFor({ databaseUrl: database.url, dockerHost, vaultAddress: vault.address, setup }),
    STINT_SEAL_KEY: randomBytes(32).toString('base64'),
    STINT_SECRETS_DIR: secrets,
    STINT_JOB_NETWORK: 'none',
    STINT_LEASE: '2s',
    STINT_LOST_GRACE: '1s',
    STINT_STOP_GRACE: '1s',
    STINT_DRAIN_TIMEOUT: '0s',
  };
  const start = async (node: string, settings: Readonly<Record<string, string>> = {}) => {
    const state = join(directory, node);
    await mkdir(state, { recursive: true });
    return await startStintServer({ env: { ...shared, STINT_STATE_DIR: state, ...settings } });
  };
  const clientOf = async (stint: StintServer) => {
    const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
    const token = await GostintClient.logIn(vault.address, login);
    return new GostintClient({ vault: vault.address, stint: stint.url, token, roleName: setup.roleName });
  };
  const places = {
    sql,
    dockerHosts: [dockerHost],
    secretsDirectories: [secrets],
    vault,
    roleName: setup.roleName,
  };
  return { sql, engine, places, start, clientOf, [Symbol.asyncDispose]: () => closers.close() };
}

async function temporary(prefix: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(prefix);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
