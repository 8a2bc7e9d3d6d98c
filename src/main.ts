// The process: reads settings, starts the server, turns signals into drain and detach, sets the exit code.
import { type Config, ConfigError, readConfig } from './config/config.js';
import { armFailpoints } from './job/failpoint.js';
import { keepMemoryOutOfCores } from './server/core-dumps.js';
import { createLog, type Log } from './server/log.js';
import { type Stint, startStint } from './server/start.js';

/** Runs until a signal ends it. The server itself is started in `server/start.ts`. */
async function main(): Promise<void> {
  const isKeptOut = keepMemoryOutOfCores();
  const config = readConfig();
  const log = createLog({ level: config.logLevel });
  if (!isKeptOut) log.warn('a core file of this process would hold secrets: start it with `ulimit -c 0`');
  armFromSettings(config, log);
  const stint = await startStint(config, log);
  log.info('stint is ready', { url: stint.url, node: stint.nodeId });
  await endOnSignal(stint, log);
}

/** Logs a warning each time, so that nobody leaves this on in production unnoticed. */
function armFromSettings({ failpoints }: Config, log: Log): void {
  if (failpoints.length === 0) return;
  armFailpoints(failpoints);
  log.warn(
    'FAILPOINTS ARE ARMED: this server kills, stops or delays itself on purpose, as STINT_FAILPOINTS says',
    {
      failpoints,
    },
  );
}

/**
 * The first signal drains: running jobs may finish. A second one detaches them. After a detach nothing is disposed of: the
 * containers and tokens must stay alive, so that the next process can adopt the jobs.
 */
async function endOnSignal(stint: Stint, log: Log): Promise<void> {
  const first = await nextSignal();
  log.info('draining: no more jobs are taken', { signal: first });
  void detachOnSignal(stint, log);
  const end = await stint.drain();
  if (end === 'detached') log.warn('running jobs are detached; the next start of this node adopts them');
  else await stint[Symbol.asyncDispose]();
  log.info('stint has ended');
}

async function detachOnSignal(stint: Stint, log: Log): Promise<void> {
  const second = await nextSignal();
  log.warn('detaching the running jobs', { signal: second });
  stint.detach();
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      for (const name of endSignals) process.off(name, onSignal);
      resolve(signal);
    };
    for (const name of endSignals) process.on(name, onSignal);
  });
}

const endSignals = ['SIGTERM', 'SIGINT'] as const;

/** A `ConfigError` is printed as text. Any other error is logged, reduced to what is safe to show. */
function giveUp(error: unknown): void {
  if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
  else createLog({ level: 'error', destination: process.stderr }).error('stint failed and ends', { error });
  process.exitCode = 1;
}

try {
  await main();
  process.exit(0); // Everything is closed; an idle timer of a library must not keep the process alive.
} catch (error) {
  giveUp(error);
  process.exit();
}
