// `npm run chaos`: load and random faults on two nodes, then the table of the checker. Exit code 1 where a rule broke.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { check, isClean } from './check/check.js';
import { runChaos } from './run.js';
import { tableOf } from './table.js';

/** How many violations of a rule are printed one by one. */
const shown = 10;

async function main(): Promise<void> {
  const options = readOptions();
  say(`seed ${options.seed}`);
  if (options.logDirectory !== undefined) await mkdir(options.logDirectory, { recursive: true });
  const result = await runChaos({ ...options, interruption: interruption(), log: say });
  const findings = check(result.history);
  for (const { rule, violations } of findings)
    for (const violation of violations.slice(0, shown)) say(`${rule}: ${violation}`);
  process.stdout.write(`seed ${options.seed}\n${tableOf(result, findings).join('\n')}\n`);
  if (!isClean(findings)) process.exitCode = 1;
}

async function interruption(): Promise<never> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  throw new Error('It was interrupted; everything that it started is stopped.');
}

/** --jobs N --queues N --minutes N --seed N --calm --clocks --logs DIRECTORY: see docs/reliability.md. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '2000' },
      queues: { type: 'string', default: '50' },
      minutes: { type: 'string', default: '15' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      calm: { type: 'boolean', default: false },
      clocks: { type: 'boolean', default: false },
      logs: { type: 'string' },
    },
  });
  return {
    jobs: positive('jobs', values.jobs),
    queues: positive('queues', values.queues),
    loadMs: positive('minutes', values.minutes) * 60_000,
    seed: positive('seed', values.seed),
    faultPauseMs: values.calm ? undefined : { least: 1_500, most: 6_000 },
    wrongClocks: values.clocks,
    logDirectory: values.logs,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`Expected --${name} to be a number above 0, got "${text}".`);
}

/** Progress goes to standard error, figures to standard output. */
function say(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

await main().catch((error: Error) => {
  process.stderr.write(`The chaos run could not continue. ${error.message}\n`);
  process.exitCode = 1;
});
process.exit();
