// `npm run retention [-- --dry-run]`: removes the ended jobs that STINT_RETENTION no longer keeps, or only counts them.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { collectSettings } from './config/collect.js';
import { schema } from './config/schema.js';
import type { Retention, Scope } from './job/keeping/retention.js';
import { showSize } from './job/size.js';
import { Removed, removeDueJobs, showDueJobs } from './queue/maintenance/retention.js';
import type { Removable } from './store/nodes/ended-jobs.js';
import { openStoreAsItIs } from './store/store.js';

const usage = `npm run --silent retention [-- --dry-run]

Removes ended jobs with their output from the database of STINT_DATABASE_URL, by STINT_RETENTION and STINT_RETENTION_JOBS, as
every server does each ten minutes. With --dry-run it says how many that would be, and changes nothing.
`;

const settings = schema.pick({
  STINT_DATABASE_URL: true,
  STINT_RETENTION: true,
  STINT_RETENTION_JOBS: true,
});

async function main(args: readonly string[]): Promise<number> {
  const [option, ...rest] = args;
  if (option === '--help') process.stdout.write(usage);
  else if (rest.length > 0 || (option !== undefined && option !== '--dry-run')) process.stderr.write(usage);
  else return await run(option === '--dry-run');
  return option === '--help' ? 0 : 2;
}

async function run(isDry: boolean): Promise<number> {
  const { url, retention } = readSettings();
  await using store = openStoreAsItIs(url);
  if (isDry) {
    const found = await showDueJobs({ store, retention });
    for (const line of found.map(lineOf)) process.stdout.write(`${line}\n`);
    return 0;
  }
  const removed = new Removed();
  const onRemoved = (jobs: number) => removed.add(jobs);
  await removeDueJobs({ store, retention, actor: `retention:${hostname()}`, onRemoved });
  process.stdout.write(`${removed.jobs} jobs were removed.\n`);
  return 0;
}

function readSettings(): { url: string; retention: Retention } {
  const { raw } = collectSettings(process.env, (path) => readFileSync(path, 'utf8'));
  const { data, error } = settings.safeParse(raw);
  if (data === undefined) {
    const problems = error.issues.map(({ path, message }) => `Expected ${path.join('.')} to be ${message}.`);
    throw new Error(problems.join('\n'));
  }
  const { STINT_DATABASE_URL: url, STINT_RETENTION: ageMs, STINT_RETENTION_JOBS: most = new Map() } = data;
  return { url: url.reveal(), retention: { ageMs, most } };
}

function lineOf({
  scope,
  jobs,
  children,
  outputBytes,
  oldest,
  newest,
}: Removable & { scope: Scope }): string {
  const place = 'queue' in scope ? `queue ${JSON.stringify(scope.queue)}` : `door ${scope.door}`;
  if (oldest === null || newest === null) return `${place}: nothing to remove`;
  const from = `ended from ${oldest.toISOString()} to ${newest.toISOString()}`;
  return `${place}: ${jobs} jobs and ${children} of their children, ${from}, ${showSize(outputBytes)} of output`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'It failed.'}\n`);
  process.exitCode = 1;
}
