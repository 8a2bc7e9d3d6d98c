import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findStartTime } from '../../../rig/process.js';

const memory = '/dev/shm';

/** A directory in memory for one node's files of secrets. Disposing removes it; what a killed run left is removed first. */
export async function makeMemoryDirectory(
  base = memory,
): Promise<{ readonly path: string } & AsyncDisposable> {
  for (const name of await readdir(base)) if (await isLeftBehind(name)) await remove(join(base, name));
  const startTime = await findStartTime(process.pid);
  const path = await mkdtemp(join(base, `stint-chaos-${process.pid}-${startTime}-`));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

/** The name says which process it belongs to: when that began, too, for the pid alone may be another's by now. */
async function isLeftBehind(name: string): Promise<boolean> {
  const [, pid, startTime] = /^stint-chaos-(\d+)-(\d+)-/.exec(name) ?? [];
  return pid !== undefined && (await findStartTime(Number(pid))) !== startTime;
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
