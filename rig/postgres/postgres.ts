// Finds a PostgreSQL server, or starts a private one that tests may restart and replicate.
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { removeDirectoryAndUsers } from '../leftovers.js';
import {
  type Identity,
  isRoot,
  type Log,
  type Part,
  RigError,
  runCommand,
  startPart,
  until,
} from '../process.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';
import { findPostgresBinaries, type PostgresBinaries } from './binaries.js';

/** A PostgreSQL server and its superuser's address. Disposing stops it only where we started it. */
export interface Postgres extends AsyncDisposable {
  readonly url: string;
  /** Set where we started it: then a test may stop and restart it. */
  readonly own: OwnPostgres | undefined;
}

export interface PostgresOptions {
  /** Ignores `STINT_DATABASE_URL` and starts a private server: for tests that break it. */
  readonly alwaysOwn?: boolean;
  /** Which programs to run; by default installed ones where there are any. */
  readonly programs?: PostgresBinaries['origin'];
  /** Data survive a crash of the machine. Tests do not need that, and it makes small commits slow. */
  readonly durable?: boolean;
  /** Further settings of the server, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log | undefined;
}

/** Takes the server of `STINT_DATABASE_URL`, or starts a private one with installed programs or those of npm. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const given = process.env.STINT_DATABASE_URL;
  if (options.alwaysOwn !== true && given !== undefined && given !== '') return toFound(given);
  const own = await startOwnPostgres(options);
  return { url: own.url, own, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
}

function toFound(url: string): Postgres {
  return {
    url,
    own: undefined,
    [Symbol.asyncDispose]: async () => {
      // It was running before and keeps running.
    },
  };
}

async function startOwnPostgres(options: PostgresOptions): Promise<OwnPostgres> {
  await sweepDeadRuns();
  const directory = await createRunDirectory('postgres');
  try {
    const binaries = await findPostgresBinaries(directory, options.programs);
    const server = new OwnPostgres(directory, await createCluster(directory, binaries), options);
    await server.start();
    return server;
  } catch (error) {
    await removeDirectoryAndUsers(directory);
    throw error;
  }
}

interface Cluster {
  readonly binaries: PostgresBinaries;
  /** The user that the server runs as, since it refuses to run as root; undefined: the current user. */
  readonly as: Identity | undefined;
  readonly password: string;
  readonly port: number;
}

async function createCluster(directory: string, binaries: PostgresBinaries): Promise<Cluster> {
  const as = isRoot() ? await findServerUser() : undefined;
  const password = randomBytes(18).toString('base64url');
  await makeClosedFolders(directory, as);
  await initialize(directory, binaries.folder, { as, password });
  return { binaries, as, password, port: await findFreePort() };
}

async function findServerUser(): Promise<Identity> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].map((name) => accounts.find((one) => one[0] === name)).find(Boolean);
  if (account === undefined)
    throw new RigError('Could not run PostgreSQL as root, and there is no user "postgres" or "nobody".');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

async function makeClosedFolders(directory: string, as: Identity | undefined): Promise<void> {
  for (const name of ['cluster', 'socket']) {
    await mkdir(join(directory, name), { mode: 0o700 });
    if (as !== undefined) await chown(join(directory, name), as.uid, as.gid);
  }
}

/** Other users on the machine can reach the port but not the socket, so only the port requires the password. */
async function initialize(
  directory: string,
  folder: string,
  { as, password }: Pick<Cluster, 'as' | 'password'>,
) {
  const passwordFile = join(directory, 'socket', 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (as !== undefined) await chown(passwordFile, as.uid, as.gid);
  const args = ['--pgdata', join(directory, 'cluster'), '--username', 'postgres', '--pwfile', passwordFile];
  const access = ['--auth-local', 'trust', '--auth-host', 'scram-sha-256'];
  const text = ['--encoding', 'UTF8', '--locale', 'C', '--no-sync'];
  await runCommand(join(folder, 'initdb'), [...args, ...access, ...text], { as, cwd: directory });
  await rm(passwordFile);
}

/** Keeps owners and permissions. The file `standby.signal` makes the copy start as a standby. */
async function copyCluster(from: string, to: string): Promise<void> {
  await runCommand('cp', ['-a', `${join(from, 'cluster')}/.`, join(to, 'cluster')]);
  await writeFile(join(to, 'cluster', 'standby.signal'), '');
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A test may stop and restart it on the same port. Disposing removes everything. */
export class OwnPostgres implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly origin: PostgresBinaries['origin'];
  /** The folder of the Unix socket. Only the server's user and root can enter it; they need no password there. */
  readonly socketFolder: string;
  readonly #directory: string;
  readonly #cluster: Cluster;
  readonly #options: PostgresOptions;
  readonly #log: Log;
  #server: Part | undefined;

  constructor(directory: string, cluster: Cluster, options: PostgresOptions) {
    this.url = `postgres://postgres:${cluster.password}@127.0.0.1:${cluster.port}/postgres`;
    this.port = cluster.port;
    this.origin = cluster.binaries.origin;
    this.socketFolder = join(directory, 'socket');
    this.#directory = directory;
    this.#cluster = cluster;
    this.#options = options;
    this.#log = options.log ?? (() => undefined);
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  async start(): Promise<void> {
    const startedAt = Date.now();
    const program = join(this.#cluster.binaries.folder, 'postgres');
    const logFile = join(this.#directory, 'postgres.log');
    // SIGINT is the "fast" stop; SIGTERM would wait for all clients to disconnect.
    const server = await startPart(program, this.#serverArgs(), {
      as: this.#cluster.as,
      cwd: this.#directory,
      logFile,
      deathSignal: 'INT',
    });
    this.#server = server;
    const isUp = async () => server.hasExited() || (await this.#isReady());
    await until(isUp, { limitMs: START_LIMIT_MS, what: `PostgreSQL. Its log: ${logFile}` });
    if (server.hasExited()) throw new RigError(`Could not start PostgreSQL:\n${server.logTail()}`);
    this.#log(`postgres ${server.pid} (${this.origin}) is ready after ${Date.now() - startedAt} ms`);
  }

  #serverArgs(): string[] {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.#cluster.port),
      unix_socket_directories: this.socketFolder,
      max_connections: '200',
      ...(this.#options.durable === true ? {} : UNSAFE_BUT_FAST),
      ...this.#options.settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return ['-D', join(this.#directory, 'cluster'), ...args];
  }

  /** The server writes its state into the last line of its pid file; `pg_ctl` waits for that too. */
  async #isReady(): Promise<boolean> {
    const path = join(this.#directory, 'cluster', 'postmaster.pid');
    const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
    return lines[0] === String(this.pid) && ['ready', 'standby'].includes(lines[7]?.trim() ?? '');
  }

  /**
   * Starts a standby of this server, which is stopped briefly to be copied. The standby is read-only until it is promoted.
   * It has the same password. Dispose of it before this server: it may run programs in this server's directory.
   */
  async startStandby(): Promise<OwnPostgres> {
    await this.stop();
    const directory = await createRunDirectory('standby');
    try {
      await makeClosedFolders(directory, this.#cluster.as);
      await copyCluster(this.#directory, directory);
      await this.start();
      const follows = { primary_conninfo: `host=${this.socketFolder} port=${this.port} user=postgres` };
      const settings = { ...this.#options.settings, ...follows };
      const cluster = { ...this.#cluster, port: await findFreePort() };
      const standby = new OwnPostgres(directory, cluster, { ...this.#options, settings });
      await standby.start();
      return standby;
    } catch (error) {
      await removeDirectoryAndUsers(directory);
      throw error;
    }
  }

  /** `fast`: connections are cut, then a clean shutdown. `immediate`: as in a crash; the next start recovers. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.signal('SIGCONT');
    server.signal(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await server.gone(STOP_LIMIT_MS);
  }

  async restart(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const startedAt = Date.now();
    // Nobody reads the data again, so a clean shutdown is not needed.
    await this.stop('immediate').catch((error: Error) => this.#log(error.message));
    await removeDirectoryAndUsers(this.#directory);
    this.#log(`postgres stopped and removed in ${Date.now() - startedAt} ms`);
  }
}

const UNSAFE_BUT_FAST = { fsync: 'off', full_page_writes: 'off' };
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
