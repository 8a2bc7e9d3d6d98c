// Makes a fresh clone runnable: installs the npm packages, then builds.
//
// Plain JavaScript without npm packages, because it runs before any are installed. Two runs may start at once: the second
// waits and finds the work done.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withLock } from './lock.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORK = join(ROOT, '.stint');
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json');
const LOCKFILE = join(ROOT, 'package-lock.json');
const STAMP = join(ROOT, 'dist', '.stamp');
const COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const SOURCES = [
  'src',
  'vault-dev',
  'rig',
  'demo',
  'bench',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
];

/** Installs the npm packages where they are missing or older than the lock file. */
export async function ensurePackages() {
  assertNodeVersion();
  if (arePackagesFresh()) return;
  await withLock(WORK, () => {
    if (!arePackagesFresh()) installPackages();
  });
}

/** Builds `dist/` where a source was changed, added or removed since the last build. */
export async function ensureBuild() {
  if (isBuildFresh()) return;
  await withLock(WORK, () => {
    if (!isBuildFresh()) build();
  });
}

function assertNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Could not start: stint needs Node 20.19 or later, this is ${process.versions.node}.`);
}

function arePackagesFresh() {
  return existsSync(INSTALLED) && statSync(INSTALLED).mtimeMs >= statSync(LOCKFILE).mtimeMs;
}

/**
 * Not `npm ci`: it refuses a lock file without the optional packages of other platforms, and it deletes packages that
 * another run is using. `npm install --no-save` installs the same locked versions and does not write the lock file either.
 */
function installPackages() {
  say('installing npm packages');
  const args = ['install', '--no-save', '--no-audit', '--no-fund'];
  run('npm', args, 'Could not install the npm packages with "npm install".');
  // Where nothing was missing npm does not touch its own record, and every start would run npm again.
  utimesSync(INSTALLED, new Date(), new Date());
}

function isBuildFresh() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint();
}

/** Builds into another directory and swaps, so that a server that runs from `dist/` never sees half a build. */
function build() {
  say('building');
  const next = join(WORK, `build-${process.pid}`);
  const stamp = fingerprint();
  try {
    run(process.execPath, [COMPILER, '-p', 'tsconfig.build.json', '--outDir', next], 'Could not build.');
    writeFileSync(join(next, '.stamp'), stamp);
    replaceDirectory(join(ROOT, 'dist'), next);
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

function replaceDirectory(target, next) {
  const old = join(WORK, `old-${process.pid}`);
  if (existsSync(target)) renameSync(target, old);
  renameSync(next, target);
  rmSync(old, { recursive: true, force: true });
}

/** From names, sizes and times of all sources: a deleted or an older file makes the build stale too. */
function fingerprint() {
  const lines = SOURCES.flatMap((name) => listFiles(name)).map(describeFile);
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function listFiles(name) {
  const path = join(ROOT, name);
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [name];
  return readdirSync(path)
    .toSorted()
    .flatMap((child) => listFiles(join(name, child)));
}

function describeFile(name) {
  const { size, mtimeMs } = statSync(join(ROOT, name));
  return `${name} ${size} ${mtimeMs}`;
}

/** The tools' output goes to standard error: standard output is for the program that starts afterwards. */
function run(command, args, complaint) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.error) throw new Error(`${complaint} ${result.error.message}`);
  if (result.status !== 0) throw new Error(`${complaint} Its messages are above.`);
}

function say(text) {
  mkdirSync(WORK, { recursive: true });
  process.stderr.write(`stint: ${text}\n`);
}

/** Runs a task as a program: a failure prints one sentence instead of a stack, and the exit code is 1. */
export async function runTask(task) {
  try {
    await task();
  } catch (error) {
    process.stderr.write(`stint: ${error.message}\n`);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runTask(ensurePackages);
