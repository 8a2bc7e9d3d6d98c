import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const base = '/dev/shm';

/** A directory in memory for one node's files of secrets. Disposing removes it; what a killed run left is removed first. */
export async function makeMemoryDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  for (const name of await readdir(base)) if (isLeftBehind(name)) await remove(join(base, name));
  const path = await mkdtemp(join(base, `stint-chaos-${process.pid}-`));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

function isLeftBehind(name: string): boolean {
  const pid = /^stint-chaos-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
