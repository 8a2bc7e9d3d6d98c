// Gives each part of a run a directory, and removes the directories of dead runs.
import type { Stats } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDirectoryAndUsers } from './leftovers.js';
import { findStartTime, RigError } from './process.js';

/**
 * Makes a directory for one part of this run. A file in it names the owner process, so that a later run can tell the
 * directory of a running process from one that a killed process left. A rename makes it appear complete, with its owner.
 */
export async function createRunDirectory(name: string): Promise<string> {
  const base = await ensureBase();
  const unnamed = await mkdtemp(join(base, UNNAMED));
  await writeFile(join(unnamed, OWNER_FILE), JSON.stringify(await describeOurselves()));
  const path = join(base, `${name}-${process.pid}-${unnamed.slice(-6)}`);
  await chmod(unnamed, PASSABLE);
  await rename(unnamed, path);
  return path;
}

async function describeOurselves(): Promise<Owner> {
  const startTime = await findStartTime(process.pid);
  return { pid: process.pid, startTime, namespace: await findNamespace() };
}

/** Removes servers, containers, mounts and files of dead runs. Running ones are not touched. */
export async function sweepDeadRuns(): Promise<string[]> {
  const base = await ensureBase();
  const names = await readdir(base);
  const swept = await Promise.all(names.map((name) => sweepIfDead(join(base, name))));
  return swept.filter((path) => path !== undefined);
}

async function sweepIfDead(path: string): Promise<string | undefined> {
  try {
    if (!(await isDead(path))) return undefined;
    await removeDirectoryAndUsers(path);
    return path;
  } catch {
    // A failed removal must not prevent the start; the next run tries again.
    return undefined;
  }
}

async function isDead(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isDirectory()) return false;
  const text = await readFile(join(path, OWNER_FILE), 'utf8').catch(() => undefined);
  // A directory without an owner is being made right now, or its making was interrupted.
  if (text === undefined) return Date.now() - stats.mtimeMs > HALF_MADE_MS;
  const owner = JSON.parse(text) as Owner;
  if (owner.namespace !== (await findNamespace())) return false;
  return (await findStartTime(owner.pid)) !== owner.startTime;
}

interface Owner {
  readonly pid: number;
  readonly startTime: string | undefined;
  /** The pid namespace: a container that shares our temporary directory has its own pids, which we cannot see. */
  readonly namespace: string | undefined;
}

async function findNamespace(): Promise<string | undefined> {
  return await readlink('/proc/self/ns/pid').catch(() => undefined);
}

async function ensureBase(): Promise<string> {
  const base = join(tmpdir(), `stint-rig-${process.getuid?.() ?? 0}`);
  await mkdir(base).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  assertOurs(base, await lstat(base));
  await chmod(base, PASSABLE);
  return base;
}

/** The name is easy to guess, so another user may have made the directory first, to read or replace our files. */
function assertOurs(base: string, stats: Stats): void {
  const ours = stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
  if (!ours)
    throw new RigError(
      `Could not use "${base}": it is not a directory that only this user can write. Remove it, or set TMPDIR.`,
    );
}

/** Others may enter but not list it: the database runs as another user and must get through. */
const PASSABLE = 0o711;
const OWNER_FILE = 'owner';
const UNNAMED = '.new-';
const HALF_MADE_MS = 60_000;
