import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';

/** Neither through a link of the job's making nor waiting for a pipe's other end. */
const plainly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads a file as a process of a container on this host sees it. Undefined where there is none, where we may not look,
 * and where the process is not the container's: the engine may count processes in another name space than we.
 */
export async function readProcessFile(
  { pid, containerId }: { pid: number; containerId: string },
  path: string,
  largestBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(`/proc/${pid}/root${path}`, plainly);
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > largestBytes) return undefined;
    const bytes = await file.readFile();
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8'); // Last, so that it is true of what was read.
    return mounts.includes(containerId) ? bytes : undefined;
  } catch {
    return undefined;
  }
}
