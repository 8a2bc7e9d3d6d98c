// Finds a real Vault, starts one from an installed program, or builds one from source.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { type Confirm, installDebianPackages } from '../engine/debian.js';
import {
  findProgram,
  isExecutable,
  type Log,
  lastLines,
  type Part,
  RigError,
  startPart,
  until,
} from '../process.js';
import { repositoryPath } from '../repository.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';

/** A real Vault that is unsealed and answers. Disposing stops it only where we started it. */
export interface VaultServer extends AsyncDisposable {
  /** `given`: by the environment; a program on the PATH; or `built` from `vault-dev/server`. */
  readonly kind: 'given' | ProgramName | 'built';
  /** False where somebody else runs it: then it must not be sealed, and it may contain other people's data. */
  readonly ours: boolean;
  /** As in `VAULT_ADDR`, without a slash at the end. */
  readonly address: string;
  readonly rootToken: string;
  /** The only unseal key, in base64. Set where it is ours. */
  readonly unsealKey: string | undefined;
  /** Set where it is ours: then a test may suspend or kill it. */
  readonly pid: number | undefined;
}

export interface VaultServerOptions {
  /** Ignores `STINT_TEST_VAULT_ADDR` and starts a private server: for tests that seal or kill it. */
  readonly alwaysOwn?: boolean;
  readonly confirm?: Confirm | undefined;
  readonly log?: Log | undefined;
}

/**
 * Takes the Vault of `STINT_TEST_VAULT_ADDR` and `STINT_TEST_VAULT_TOKEN`, else starts a private one in memory: `vault` or
 * `bao` from the PATH, or our own program. Building that takes three to five minutes, once for each user.
 */
export async function startVaultServer(options: VaultServerOptions = {}): Promise<VaultServer> {
  const atOnce = await findVaultServerAtOnce(options);
  return atOnce ?? (await startBuilt(await ensureBuilt(options), options));
}

/** As `startVaultServer`, but undefined where that would have to build: that takes too long for the demo. */
export async function findVaultServerAtOnce(
  options: VaultServerOptions = {},
): Promise<VaultServer | undefined> {
  const given = options.alwaysOwn === true ? undefined : await findGiven();
  if (given !== undefined) return given;
  const installed = await findInstalled();
  if (installed !== undefined) return await startInstalled(installed, options);
  const built = await findBuiltPath();
  return (await isExecutable(built)) ? await startBuilt(built, options) : undefined;
}

async function findGiven(): Promise<VaultServer | undefined> {
  const address = process.env.STINT_TEST_VAULT_ADDR?.replace(/\/+$/, '') ?? '';
  const rootToken = process.env.STINT_TEST_VAULT_TOKEN ?? '';
  if (address === '') return undefined;
  await assertUsable(address, rootToken);
  return {
    kind: 'given',
    ours: false,
    address,
    rootToken,
    unsealKey: undefined,
    pid: undefined,
    [Symbol.asyncDispose]: async () => {
      // It was running before and keeps running.
    },
  };
}

/** A look-up of the token with itself needs no policy and fails on a sealed Vault, so it checks both token and seal. */
async function assertUsable(address: string, token: string): Promise<void> {
  const status = await ask(address, 'auth/token/lookup-self', token).catch((error: Error) => reasonOf(error));
  if (status === 200) return;
  throw new RigError(
    `Could not use the Vault of STINT_TEST_VAULT_ADDR="${address}": its answer to the token was ${status}. Start and ` +
      'unseal it, set STINT_TEST_VAULT_TOKEN to a root token of it, or unset STINT_TEST_VAULT_ADDR.',
  );
}

/** `fetch` throws "fetch failed"; the reason is in `cause`. */
function reasonOf(error: Error): string {
  return `"${error.cause instanceof Error ? error.cause.message : error.message}"`;
}

/** Returns the status of the answer. */
async function ask(address: string, path: string, token?: string): Promise<number> {
  const headers: Record<string, string> = token === undefined ? {} : { 'X-Vault-Token': token };
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const response = await fetch(`${address}/v1/${path}`, { headers, signal });
  await response.body?.cancel();
  return response.status;
}

type ProgramName = 'vault' | 'bao';

interface Installed {
  readonly kind: ProgramName;
  readonly program: string;
}

async function findInstalled(): Promise<Installed | undefined> {
  for (const kind of ['vault', 'bao'] as const) {
    const program = await findProgram(kind);
    if (program !== undefined) return { kind, program };
  }
  return undefined;
}

async function startInstalled(
  { kind, program }: Installed,
  options: VaultServerOptions,
): Promise<VaultServer> {
  const rootToken = makeRootToken();
  const listen = `127.0.0.1:${await findFreePort()}`;
  // Without the second flag it overwrites the token in the home of the person who runs the tests.
  const flags = [
    '-dev',
    '-dev-no-store-token',
    `-dev-root-token-id=${rootToken}`,
    `-dev-listen-address=${listen}`,
  ];
  return await startOwn({
    kind,
    rootToken,
    log: options.log,
    launch: (logFile) => startPart(program, ['server', ...flags], { logFile, deathSignal: 'TERM' }),
    announced: (text) => {
      const unsealKey = /^\s*Unseal Key:\s*(\S+)/m.exec(text)?.[1];
      return unsealKey === undefined ? undefined : { address: `http://${listen}`, unsealKey };
    },
  });
}

async function startBuilt(program: string, options: VaultServerOptions): Promise<VaultServer> {
  const rootToken = makeRootToken();
  const args = ['-listen', '127.0.0.1:0', '-root-token', rootToken, '-exit-with-stdin'];
  return await startOwn({
    kind: 'built',
    rootToken,
    log: options.log,
    launch: (logFile) => startTied(program, args, logFile),
    announced: (text) => {
      const line = /^\{"address":.*\}$/m.exec(text)?.[0];
      if (line === undefined) return undefined;
      const { address, unseal_key } = JSON.parse(line) as { address: string; unseal_key: string };
      return { address, unsealKey: unseal_key };
    },
  });
}

function makeRootToken(): string {
  return `root-${randomBytes(12).toString('hex')}`;
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Starts a program that ends when its standard input is closed. This process holds the other end, which the kernel closes
 * however the process ends. The program has its own session, so that Ctrl-C does not reach it, as in `startPart`.
 */
async function startTied(program: string, args: string[], logFile: string): Promise<Part> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(program, args, { stdio: ['pipe', log, log], detached: true });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new RigError(`Could not start "${program}": ${error.message}`)));
  });
  child.unref();
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    hasExited,
    exitCode: () => child.exitCode ?? undefined,
    signal: (signal) => void child.kill(signal),
    gone: (limitMs) => until(hasExited, { limitMs, what: `"${program}" to end` }),
    logTail: () => lastLines(readFileSync(logFile, 'utf8'), 10),
  };
}

/** What differs between the ways to run a private server. */
interface Recipe {
  readonly kind: VaultServer['kind'];
  readonly rootToken: string;
  readonly log: Log | undefined;
  readonly launch: (logFile: string) => Promise<Part>;
  /** Reads address and unseal key from the program's output; undefined until they are there. */
  readonly announced: (output: string) => Announcement | undefined;
}

interface Announcement {
  readonly address: string;
  readonly unsealKey: string;
}

interface Running {
  readonly part: Part;
  readonly directory: string;
}

async function startOwn(recipe: Recipe): Promise<VaultServer> {
  const startedAt = Date.now();
  await sweepDeadRuns();
  const directory = await createRunDirectory('vault');
  const running = { directory, part: await launchIn(directory, recipe) };
  try {
    const announcement = await waitUntilReady(running, recipe);
    recipe.log?.(`${recipe.kind} vault ${running.part.pid} is ready after ${Date.now() - startedAt} ms`);
    return toServer(running, recipe, announcement);
  } catch (error) {
    await end(running, recipe.log);
    throw error;
  }
}

async function launchIn(directory: string, recipe: Recipe): Promise<Part> {
  try {
    return await recipe.launch(join(directory, LOG_FILE));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function waitUntilReady({ part, directory }: Running, recipe: Recipe): Promise<Announcement> {
  const logFile = join(directory, LOG_FILE);
  let announcement: Announcement | undefined;
  const isUp = async () => {
    if (part.hasExited()) throw new RigError(`Could not start Vault:\n${part.logTail()}`);
    announcement ??= recipe.announced(await readFile(logFile, 'utf8'));
    return announcement !== undefined && (await isReady(announcement.address, recipe.rootToken));
  };
  await until(isUp, { limitMs: START_LIMIT_MS, what: `Vault. Its log: ${logFile}` });
  if (announcement === undefined) throw new RigError(`Could not find the address of Vault in "${logFile}".`);
  return announcement;
}

/** A new KV 2 mount cannot be used while it upgrades itself; its settings can be read once that is over. */
async function isReady(address: string, token: string): Promise<boolean> {
  const isHealthy = (await ask(address, 'sys/health').catch(() => 0)) === 200;
  return isHealthy && (await ask(address, 'secret/config', token)) === 200;
}

function toServer(running: Running, recipe: Recipe, announcement: Announcement): VaultServer {
  const { kind, rootToken, log } = recipe;
  return {
    kind,
    ours: true,
    rootToken,
    ...announcement,
    pid: running.part.pid,
    [Symbol.asyncDispose]: () => end(running, log),
  };
}

/** Never throws. May be repeated. A suspended server is resumed first, because it would not handle the signal. */
async function end({ part, directory }: Running, log: Log | undefined): Promise<void> {
  try {
    part.signal('SIGCONT');
    part.signal('SIGTERM');
    await part.gone(STOP_LIMIT_MS);
  } catch (error) {
    log?.(`vault ${part.pid} did not stop on SIGTERM: ${(error as Error).message}`);
    part.signal('SIGKILL');
  }
  await rm(directory, { recursive: true, force: true });
}

/** The cache is outside the checkout, so that another clone finds what the first has built. */
async function findBuiltPath(): Promise<string> {
  const given = process.env.XDG_CACHE_HOME ?? '';
  const cache = isAbsolute(given) ? given : join(homedir(), '.cache');
  const hash = createHash('sha256');
  const sources = repositoryPath('vault-dev', 'server');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(sources, name)));
  return join(cache, 'stint', 'vault-server', hash.digest('hex'), 'vault-server');
}

/** Builds the program unless it is there. Of several runs at once, one builds and the others wait. */
async function ensureBuilt(options: VaultServerOptions): Promise<string> {
  const path = await findBuiltPath();
  await mkdir(dirname(path), { recursive: true });
  await withLock(join(dirname(path), 'lock'), options.log, async () => {
    if (!(await isExecutable(path))) await build(path, options);
  });
  return path;
}

/** Builds under another name and renames, so that the program at the path is always complete, however this run ends. */
async function build(path: string, options: VaultServerOptions): Promise<void> {
  const go = await findGo(options);
  const unfinished = `${path}.${process.pid}`;
  const startedAt = Date.now();
  options.log?.('building a Vault server from source, once; this takes three to five minutes');
  try {
    const compilerOutput = await runGo(go, unfinished, join(dirname(path), 'build.log'));
    await rename(unfinished, path).catch(() => {
      throw new RigError(`Could not build a Vault server with "${go}":\n${compilerOutput}\n${OTHER_WAYS}`);
    });
  } finally {
    await rm(unfinished, { force: true });
  }
  options.log?.(`built it in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

/** Returns the end of the compiler's output. Whether it succeeded shows in the file that it made. */
async function runGo(go: string, output: string, logFile: string): Promise<string> {
  await rm(logFile, { force: true });
  const flags = ['-trimpath', '-ldflags', '-s -w', '-mod=readonly', '-buildvcs=false', '-o', output];
  // CGO_ENABLED: Go 1.19 fails without a C compiler otherwise. GOWORK: a workspace would change module versions.
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
  const cwd = repositoryPath('vault-dev', 'server');
  // On SIGINT, unlike SIGTERM, the compiler deletes its temporary files.
  const compiler = await startPart(go, ['build', ...flags, '.'], { cwd, env, logFile, deathSignal: 'INT' });
  await compiler.gone(BUILD_LIMIT_MS).catch((error: unknown) => {
    compiler.signal('SIGINT');
    throw error;
  });
  return compiler.logTail();
}

async function findGo(options: VaultServerOptions): Promise<string> {
  const onPath = await findProgram('go');
  if (onPath !== undefined) return onPath;
  if (!(await isExecutable(DEBIAN_GO))) await installGo(options);
  return DEBIAN_GO;
}

async function installGo(options: VaultServerOptions): Promise<void> {
  try {
    await installDebianPackages([DEBIAN_GO_PACKAGE], options);
  } catch (error) {
    throw new RigError(`Could not build a Vault server: ${(error as Error).message}\n${OTHER_WAYS}`, {
      cause: error,
    });
  }
}

/**
 * One holder at a time, across processes. The lock is a directory that names its holder; a process that finds the holder
 * dead takes it over. Two processes that do so at the same instant may both build, which costs time and does no harm.
 */
async function withLock(lock: string, log: Log | undefined, task: () => Promise<void>): Promise<void> {
  if (!(await tryLock(lock))) {
    log?.('waiting for another run that is building a Vault server');
    await until(() => tryLock(lock), { limitMs: BUILD_LIMIT_MS, what: `the holder of "${lock}"` });
  }
  try {
    await task();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function tryLock(lock: string): Promise<boolean> {
  const holder = await readFile(join(lock, 'owner'), 'utf8').catch(() => undefined);
  if (holder !== undefined && (await describeProcess(Number.parseInt(holder, 10))) === holder) return false;
  if (holder !== undefined) await rm(lock, { recursive: true, force: true });
  const mine = await mkdtemp(`${lock}-`);
  await writeFile(join(mine, 'owner'), `${await describeProcess(process.pid)}`);
  // Fails where a lock exists by now: with its owner inside, it is never an empty directory.
  const isOurs = await succeeds(rename(mine, lock));
  if (!isOurs) await rm(mine, { recursive: true });
  return isOurs;
}

/** Pid and start time, since a pid may be reused. Undefined where the process has ended. */
async function describeProcess(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The program's name is in parentheses and may contain anything; the start time is the 20th field after it.
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  );
}

const LOG_FILE = 'vault.log';
const DEBIAN_GO_PACKAGE = 'golang-1.19-go';
const DEBIAN_GO = '/usr/lib/go-1.19/bin/go';
const OTHER_WAYS =
  'Instead you can install Go 1.19 or later, put "vault" or "bao" on the PATH, or set STINT_TEST_VAULT_ADDR and ' +
  'STINT_TEST_VAULT_TOKEN.';
const ANSWER_LIMIT_MS = 3000;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
/** Two cores take three to five minutes; downloading the modules over a slow network may add a lot. */
const BUILD_LIMIT_MS = 30 * 60_000;
