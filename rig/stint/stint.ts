// Runs a stint server as a process of its own, and builds it first where needed.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDirectoryAndUsers } from '../leftovers.js';
import { type Log, type Part, RigError, startPart, until } from '../process.js';
import { repositoryPath } from '../repository.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';
import type { WrongClock } from './wrong-clock.js';

/** A server process as `npm start` runs it. Disposing sends SIGTERM, and SIGKILL after a limit. */
export interface StintServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  readonly exitCode: () => number | undefined;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly gone: (limitMs: number) => Promise<void>;
  /** Everything it has logged, one JSON object a line. */
  readonly readLog: () => Promise<string>;
}

export interface StintServerOptions {
  /** The server's settings. By default the port is a free one and the state directory is new. */
  readonly env: Readonly<Record<string, string>>;
  /** The clock that the server sees; the real one by default. */
  readonly clock?: WrongClock | undefined;
  readonly log?: Log | undefined;
}

/** Waits until the server is ready to run jobs. Throws `RigError`. */
export async function startStintServer(options: StintServerOptions): Promise<StintServer> {
  await sweepDeadRuns();
  const directory = await createRunDirectory('stint');
  try {
    return await startIn(directory, options);
  } catch (error) {
    await removeDirectoryAndUsers(directory);
    throw error;
  }
}

async function startIn(directory: string, { env, clock, log }: StintServerOptions): Promise<StintServer> {
  const startedAt = Date.now();
  const logFile = join(directory, 'stint.log');
  const state = join(directory, 'state');
  await mkdir(state, { mode: 0o700 });
  const own = { STINT_PORT: '0', STINT_STATE_DIR: state, ...clock?.env };
  const part = await startPart(
    process.execPath,
    [...(clock?.args ?? []), repositoryPath('scripts', 'run.mjs'), 'src/main'],
    {
      env: { ...withoutForeignSettings(process.env), ...own, ...env },
      logFile,
      deathSignal: 'TERM',
    },
  );
  try {
    const url = await waitUntilReady(part, logFile);
    log?.(`stint ${part.pid} is ready after ${Date.now() - startedAt} ms`);
    return toServer({ part, url, directory, logFile, log });
  } catch (error) {
    part.signal('SIGKILL');
    throw error;
  }
}

/** Removes the developer's own settings, which must not reach the server: what is not given has its default. */
function withoutForeignSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(?:STINT_|GOSTINT_|VAULT_|DOCKER_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

async function waitUntilReady(part: Part, logFile: string): Promise<string> {
  let url: string | undefined;
  const isReady = async () => {
    if (part.hasExited()) throw new RigError(`Could not start stint:\n${part.logTail()}`);
    url ??= /"url":"([^"]+)"[^\n]*"msg":"stint is ready"/.exec(await readFile(logFile, 'utf8'))?.[1];
    return url !== undefined && (await isOk(`${url}/readyz`));
  };
  await until(isReady, { limitMs: START_LIMIT_MS, what: `stint. Its log: ${logFile}` });
  if (url === undefined) throw new RigError(`Could not find the address of stint in "${logFile}".`);
  return url;
}

/** A test certificate is not trusted here, so HTTPS is not checked: tests with HTTPS check it themselves. */
async function isOk(url: string): Promise<boolean> {
  if (url.startsWith('https:')) return true;
  const response = await fetch(url).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

interface RunningStint {
  readonly part: Part;
  readonly url: string;
  readonly directory: string;
  readonly logFile: string;
  readonly log: Log | undefined;
}

function toServer(running: RunningStint): StintServer {
  const { part, url, logFile } = running;
  return {
    url,
    pid: part.pid,
    exitCode: part.exitCode,
    signal: part.signal,
    gone: part.gone,
    readLog: () => readFile(logFile, 'utf8'),
    [Symbol.asyncDispose]: () => end(running),
  };
}

/** Running jobs get some time to finish. To end the server at once, send the signal twice before. */
async function end({ part, directory, log }: RunningStint): Promise<void> {
  try {
    part.signal('SIGTERM');
    part.signal('SIGCONT');
    await part.gone(STOP_LIMIT_MS);
  } catch (error) {
    log?.(`stint ${part.pid} did not end on SIGTERM: ${(error as Error).message}`);
    part.signal('SIGKILL');
  }
  await removeDirectoryAndUsers(directory);
}

const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 20_000;
