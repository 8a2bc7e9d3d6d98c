import { ConfigError, readConfig } from './config.js';
import { createLog, type Log } from './log.js';
import { type Stint, startStint } from './stint.js';

/** The process: settings, log, signals, exit code. What runs inside is put together in `stint.ts`. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = createLog({ level: config.logLevel });
  const stint = await startStint(config, log);
  log.info('stint is ready', { url: stint.url, node: stint.nodeId });
  await endOnSignal(stint, log);
}

/** The first signal lets the running jobs finish; a second one stops them. */
async function endOnSignal(stint: Stint, log: Log): Promise<void> {
  const first = await nextSignal();
  log.info('draining: no more jobs are taken, running ones may finish', { signal: first });
  void hurryOnSignal(stint, log);
  await stint.drain();
  await stint[Symbol.asyncDispose]();
  log.info('stint has ended');
}

async function hurryOnSignal(stint: Stint, log: Log): Promise<void> {
  const second = await nextSignal();
  log.warn('stopping the running jobs now', { signal: second });
  stint.hurry();
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
