// Reads a file of a running container through `/proc`.
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';

/** Follows no link that the job may have made, and does not wait for the other end of a pipe. */
const safeRead = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads a file as a process of a container on this host sees it. Undefined when there is no such file, when access is
 * denied, and when the process is not the container's: the engine may use another PID namespace.
 */
export async function readProcessFile(
  { pid, containerId }: { pid: number; containerId: string },
  path: string,
  largestBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(`/proc/${pid}/root${path}`, safeRead);
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > largestBytes) return undefined;
    const bytes = await file.readFile();
    return (await isOfContainer(pid, containerId)) ? bytes : undefined; // After the read, so that it holds for what was read.
  } catch {
    return undefined;
  }
}

/**
 * Whether a process of this host is of a container: its name is in the place of the files that the engine mounts, or, where
 * those are another's whose network it shares, in that of its control group.
 */
export async function isOfContainer(pid: number, containerId: string): Promise<boolean> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8');
  return (await read('mountinfo')).includes(containerId) || (await read('cgroup')).includes(containerId);
}
