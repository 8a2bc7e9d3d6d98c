// Starts everything a chaos run needs: engines, Postgres, Vault, two nodes, and proxies between them.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { ensureImage } from '../../../rig/engine/image.js';
import type { OwnEngine } from '../../../rig/engine/own-engine.js';
import { removeDirectoryAndUsers } from '../../../rig/leftovers.js';
import { type OwnPostgres, startPostgres } from '../../../rig/postgres/postgres.js';
import type { Log } from '../../../rig/process.js';
import { createRunDirectory } from '../../../rig/run-directory.js';
import { settingsFor } from '../../../rig/stint/settings.js';
import { WrongClock } from '../../../rig/stint/wrong-clock.js';
import { TcpProxy } from '../../../rig/tcp-proxy.js';
import { startVaultServer, type VaultServer } from '../../../rig/vault/vault-server.js';
import type { Closers } from '../../../src/server/closers.js';
import { bootstrapVault, type VaultSetup } from '../../../vault-dev/bootstrap.js';
import { EngineEvents } from '../history/engine-events.js';
import type { Places } from '../history/left-behind.js';
import { startAudit } from '../history/vault-audit.js';
import { secretPath } from '../load/jobs.js';
import { makeMemoryDirectory } from './memory-directory.js';
import { ChaosNode } from './node.js';
import { vaultAsk } from './vault.js';

/** Two nodes, each with its own engine, on one Postgres and one Vault. All parts are private, so that faults may hit them. */
export interface Stage {
  readonly nodes: readonly [ChaosNode, ChaosNode];
  readonly postgres: OwnPostgres;
  readonly vault: VaultServer;
  readonly setup: VaultSetup;
  /** A direct connection, without a proxy. */
  readonly sql: Sql;
  readonly events: readonly EngineEvents[];
  readonly places: Places;
  /** Vault's audit log. */
  readonly auditFile: string;
  /** The value that some jobs print. */
  readonly secret: string;
}

export interface StageOptions {
  readonly leaseMs: number;
  /** Whether the nodes get clocks that can be set. */
  readonly wrongClocks: boolean;
  readonly logDirectory: string | undefined;
  readonly log: Log;
}

export const imageName = 'busybox:latest';

/** Everything that must be stopped again is added to `closers` at once, so that a build that fails leaves nothing. */
export async function buildStage(options: StageOptions, closers: Closers): Promise<Stage> {
  const directory = await workDirectory(closers);
  const { log } = options;
  const [one, two, postgres, vault] = await Promise.all([
    startOwnEngine('A', log, closers),
    startOwnEngine('B', log, closers),
    startOwnDatabase(log, closers),
    startVaultServer({ alwaysOwn: true, log }).then((server) => closers.add(server)),
  ]);
  const setup = await bootstrapVault({ address: vault.address, token: vault.rootToken });
  const secret = await writeSecret(vault);
  const auditFile = join(directory, 'vault-audit.log');
  await startAudit(vault, auditFile);
  const shared: SharedParts = { directory, postgres, vault, setup, options };
  const nodes = [
    await buildNode('A', one, shared, closers),
    await buildNode('B', two, shared, closers),
  ] as const;
  const events = [one, two].map((engine, index) =>
    closers.add(EngineEvents.listen(index === 0 ? 'A' : 'B', engine.dockerHost)),
  );
  await Promise.all(nodes.map((node) => node.start()));
  const sql = connect(postgres.url, { max: 3, onnotice: () => undefined, connect_timeout: 5 });
  closers.add({ [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) });
  const places = {
    sql,
    dockerHosts: [one.dockerHost, two.dockerHost],
    secretsDirectories: nodes.map((node) => node.secretsDirectory),
    vault,
    roleName: setup.roleName,
  };
  return { nodes, postgres, vault, setup, sql, events, places, auditFile, secret };
}

async function workDirectory(closers: Closers): Promise<string> {
  const directory = await createRunDirectory('chaos');
  closers.add({ [Symbol.asyncDispose]: () => removeDirectoryAndUsers(directory) });
  const closed = join(directory, 'closed'); // Vault's audit log is in it, with all secrets.
  await mkdir(closed, { mode: 0o700 });
  return closed;
}

async function startOwnEngine(name: string, log: Log, closers: Closers): Promise<OwnEngine> {
  const { own } = closers.add(await startEngine({ alwaysOwn: true, name: `chaos-${name}`, log }));
  if (own === undefined) throw new Error('Expected a private engine, got one that was there before.');
  await ensureImage(connectDocker(own.dockerHost), imageName);
  return own;
}

async function startOwnDatabase(log: Log, closers: Closers): Promise<OwnPostgres> {
  const { own } = closers.add(await startPostgres({ alwaysOwn: true, log }));
  if (own === undefined) throw new Error('Expected a private Postgres, got one that was there before.');
  return own;
}

async function writeSecret(vault: VaultServer): Promise<string> {
  const value = `chaos-${randomBytes(12).toString('hex')}`;
  const { status } = await vaultAsk(vault, 'POST', secretPath, { data: { value } });
  if (status >= 300) throw new Error(`Could not write the secret of the load: Vault answered ${status}.`);
  return value;
}

interface SharedParts {
  readonly directory: string;
  readonly postgres: OwnPostgres;
  readonly vault: VaultServer;
  readonly setup: VaultSetup;
  readonly options: StageOptions;
}

/** Both nodes share one key, which is new in each run. */
const sealKey = randomBytes(32).toString('base64');

async function buildNode(
  name: string,
  engine: OwnEngine,
  shared: SharedParts,
  closers: Closers,
): Promise<ChaosNode> {
  const { directory, postgres, vault, setup, options } = shared;
  const state = join(directory, name);
  await mkdir(state);
  const { path: secretsDirectory } = closers.add(await makeMemoryDirectory());
  const socketPath = join(state, 'engine.sock');
  const proxies = {
    engine: closers.add(await TcpProxy.start({ to: { path: engine.socketPath }, socketPath })),
    postgres: closers.add(await TcpProxy.start({ to: addressOf(postgres.url) })),
    vault: closers.add(await TcpProxy.start({ to: addressOf(vault.address) })),
  };
  const databaseUrl = through(postgres.url, proxies.postgres.port);
  const vaultAddress = through(vault.address, proxies.vault.port);
  const port = await findFreePort();
  const env = {
    ...settingsFor({ databaseUrl, dockerHost: `unix://${socketPath}`, vaultAddress, setup }),
    STINT_PORT: String(port),
    STINT_NODE_ID: randomUUID(),
    STINT_SEAL_KEY: sealKey,
    STINT_STATE_DIR: state,
    STINT_SECRETS_DIR: secretsDirectory,
    STINT_LEASE: `${options.leaseMs}ms`,
    STINT_STOP_GRACE: '1s',
    STINT_DRAIN_TIMEOUT: '5s',
    STINT_JOB_NETWORK: 'none',
    STINT_SLOTS: '6',
    STINT_OWNER_WAITING: '0', // One caller submits everything, faster than it runs.
  };
  const { logDirectory, wrongClocks } = options;
  const clock = wrongClocks ? await WrongClock.start(join(state, 'clock'), 0) : undefined;
  const made = { name, port, engine, proxies, secretsDirectory, clock, env, logDirectory };
  return closers.add(new ChaosNode(made));
}

function addressOf(url: string): NetConnectOpts {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(port);
  return changed.href.replace(/\/$/, '');
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
