import { type Config, ConfigError, readConfig } from './config/config.js';
import { armFailpoints } from './job/failpoint.js';
import { createLog, type Log } from './server/log.js';
import { type Stint, startStint } from './server/start.js';

/** The process: settings, log, signals, exit code. What runs inside is put together in `stint.ts`. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = createLog({ level: config.logLevel });
  armFromSettings(config, log);
  const stint = await startStint(config, log);
  log.info('stint is ready', { url: stint.url, node: stint.nodeId });
  await endOnSignal(stint, log);
}

/** Never quietly: whoever left this on in a server that people use must see it. */
function armFromSettings({ failpoints }: Config, log: Log): void {
  if (failpoints.length === 0) return;
  armFailpoints(failpoints);
  log.warn('FAILPOINTS ARE ARMED: this server will hurt itself on purpose, as STINT_FAILPOINTS asks', {
    failpoints,
  });
}

/**
 * The first signal lets the running jobs finish, a second one leaves them. What is left is not disposed of: its containers
 * and tokens must live on for the next start.
 */
async function endOnSignal(stint: Stint, log: Log): Promise<void> {
  const first = await nextSignal();
  log.info('draining: no more jobs are taken', { signal: first });
  void detachOnSignal(stint, log);
  const end = await stint.drain();
  if (end === 'detached') log.warn('running jobs are left to the next start of this node');
  else await stint[Symbol.asyncDispose]();
  log.info('stint has ended');
}

async function detachOnSignal(stint: Stint, log: Log): Promise<void> {
  const second = await nextSignal();
  log.warn('leaving the running jobs to the next start', { signal: second });
  stint.detach();
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const heed = (signal: NodeJS.Signals) => {
      for (const name of endSignals) process.off(name, heed);
      resolve(signal);
    };
    for (const name of endSignals) process.on(name, heed);
  });
}

const endSignals = ['SIGTERM', 'SIGINT'] as const;

/** Our own sentence goes to the terminal; of an error that is not ours only what is safe to show. */
function giveUp(error: unknown): void {
  if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
  else createLog({ level: 'error', destination: process.stderr }).error('stint could not go on', { error });
  process.exitCode = 1;
}

try {
  await main();
  process.exit(0); // Nothing of ours is left; a library's idle timer must not keep the process.
} catch (error) {
  giveUp(error);
  process.exit();
}
