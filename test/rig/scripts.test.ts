import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const LOCK = new URL('../../scripts/lock.mjs', import.meta.url).href;
const TALLY = fileURLToPath(new URL('../../scripts/tally.mjs', import.meta.url));

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stint-scripts-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A process that takes the lock and records when it gets and releases it. */
async function visit(name: string): Promise<void> {
  const program = `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as delay } from 'node:timers/promises';
    import { withLock } from '${LOCK}';
    await withLock('${directory}', async () => {
      appendFileSync('${directory}/visits', '${name} in,');
      await delay(20);
      appendFileSync('${directory}/visits', '${name} out,');
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' });
  await once(child, 'exit');
}

test('processes hold the lock one after another, and leave nothing behind', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map(visit));

  const visits = (await readFile(join(directory, 'visits'), 'utf8')).split(',').slice(0, -1);
  const pairs = visits.filter((_, index) => index % 2 === 0).map((entry) => entry.replace(' in', ''));
  expect(visits).toEqual(pairs.flatMap((name) => [`${name} in`, `${name} out`]));
  expect(pairs).toHaveLength(4);
  expect(await readdir(directory)).toEqual(['visits']);
});

test('the lock of a dead process is taken over', async () => {
  const dead = spawnSync(process.execPath, ['--version']).pid;
  await mkdir(join(directory, 'lock'));
  await writeFile(join(directory, 'lock', 'owner'), `${dead} 12345`);

  await visit('heir');

  expect(await readFile(join(directory, 'visits'), 'utf8')).toBe('heir in,heir out,');
});

interface Counts {
  readonly passed?: number;
  readonly failed?: number;
  readonly skipped?: number;
  readonly todo?: number;
  readonly files?: readonly object[];
}

async function tally({ passed = 0, failed = 0, skipped = 0, todo = 0, files = [] }: Counts) {
  const path = join(directory, 'report.json');
  const numbers = {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: todo,
  };
  await writeFile(path, JSON.stringify({ ...numbers, testResults: files }));
  const { status, stdout } = spawnSync(process.execPath, [TALLY, path], { encoding: 'utf8' });
  return { status, line: stdout.trimEnd().split('\n').at(-1) };
}

test.each([
  ['all tests that passed', { passed: 3 }, 0, '3 passed, 0 failed, 0 skipped'],
  ['a failed test', { passed: 3, failed: 1 }, 1, '3 passed, 1 failed, 0 skipped'],
  ['a skipped test', { passed: 3, skipped: 1 }, 1, '3 passed, 0 failed, 1 skipped'],
  ['a test that is only planned', { passed: 3, todo: 1 }, 1, '3 passed, 0 failed, 1 skipped'],
  ['no test at all', {}, 1, '0 passed, 0 failed, 0 skipped'],
  [
    'a file that could not be loaded',
    { passed: 3, files: [{ name: 'a.test.ts', status: 'failed', assertionResults: [] }] },
    1,
    '3 passed, 1 failed, 0 skipped',
  ],
])('the tally of %s', async (_, counts, status, line) => {
  expect(await tally(counts)).toEqual({ status, line });
});

test('the tally of a missing report is a failure', () => {
  const { status, stdout } = spawnSync(process.execPath, [TALLY, join(directory, 'none')], {
    encoding: 'utf8',
  });

  expect(status).toBe(1);
  expect(stdout).toMatch(/^0 passed, 1 failed, 0 skipped$/m);
});
