// Writes one file of output: beside its place first, then moved there, so that nobody reads a part of it.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { isDirectory, openDirectory, within } from './directory.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const everyoneReads = 0o644;

/** A file below a root. */
export interface Target {
  readonly root: string;
  /** Absolute; with a slash at its end, or where it names a directory, the file is put into that. */
  readonly path: string;
  /** Its name in a directory. */
  readonly nameInDirectory: string;
}

/** The names on the way from the root; the last is empty for a path that ends with a slash. */
export function stepsOf({ root, path }: Pick<Target, 'root' | 'path'>): { steps: string[]; last: string } {
  const names = path.slice(root.length).split('/');
  const last = names.pop() ?? '';
  return { steps: names.filter((name) => name !== '' && name !== '.'), last };
}

/** Replaces what is there. May be repeated. Throws the error of the file system. */
export async function writeOutputFile(target: Target, bytes: Uint8Array): Promise<void> {
  const { steps, last } = stepsOf(target);
  const directory = await openDirectory(target.root, steps);
  try {
    if (last === '') await put(directory, target.nameInDirectory, bytes);
    else if (await isDirectory(directory, last)) await putInto(target, [...steps, last], bytes);
    else await put(directory, last, bytes);
  } finally {
    await directory.close();
  }
}

async function putInto(target: Target, steps: readonly string[], bytes: Uint8Array): Promise<void> {
  const directory = await openDirectory(target.root, steps);
  try {
    await put(directory, target.nameInDirectory, bytes);
  } finally {
    await directory.close();
  }
}

/** A process that ends in between leaves a file whose name begins with a dot, and nothing under the real name. */
async function put(directory: FileHandle, name: string, bytes: Uint8Array): Promise<void> {
  const draft = within(directory, `.stint-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(draft, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, everyoneReads);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, within(directory, name));
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}
