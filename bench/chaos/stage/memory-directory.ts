// Makes a directory in memory for the secrets files of one node, and removes those of dead runs.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findStartTime } from '../../../rig/process.js';

const memory = '/dev/shm';

/** Disposing removes the directory. */
export async function makeMemoryDirectory(
  base = memory,
): Promise<{ readonly path: string } & AsyncDisposable> {
  for (const name of await readdir(base)) if (await isLeftBehind(name)) await remove(join(base, name));
  const startTime = await findStartTime(process.pid);
  const path = await mkdtemp(join(base, `stint-chaos-${process.pid}-${startTime}-`));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

/** The name holds pid and start time of its process, since the pid alone may belong to another process by now. */
async function isLeftBehind(name: string): Promise<boolean> {
  const [, pid, startTime] = /^stint-chaos-(\d+)-(\d+)-/.exec(name) ?? [];
  return pid !== undefined && (await findStartTime(Number(pid))) !== startTime;
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
