// Opens directories below a root step by step, so that no symbolic link leads out of it, whoever makes one meanwhile.
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** A path that stands for a name in an open directory: the kernel looks it up there, whatever its path means by now. */
export function within(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

/** The directory at the end of these steps; each is made if it is missing. To be closed by the caller. */
export async function openDirectory(root: string, steps: readonly string[]): Promise<FileHandle> {
  let at = await open(root, O_RDONLY | O_DIRECTORY);
  for (const step of steps) {
    const before = at;
    try {
      at = await openStep(before, step);
    } finally {
      await before.close();
    }
  }
  return at;
}

async function openStep(directory: FileHandle, step: string): Promise<FileHandle> {
  const path = within(directory, step);
  await mkdir(path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Whether a name in an open directory is a directory itself. */
export async function isDirectory(directory: FileHandle, name: string): Promise<boolean> {
  const found = await lstat(within(directory, name)).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** Whether the path below the root goes over a symbolic link now. What is missing is none. */
export async function hasLink(root: string, steps: readonly string[]): Promise<boolean> {
  let path = root;
  for (const step of steps) {
    path = join(path, step);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) return false;
    if (found.isSymbolicLink()) return true;
  }
  return false;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
