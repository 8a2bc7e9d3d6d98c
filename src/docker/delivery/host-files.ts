// Creates and removes the files of jobs on this host, in memory where possible.
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readFile, readlink, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BrokenError } from '../../job/errors.js';
import { jobUser } from '../container/container.js';

const onlyOurs = 0o700;
const secretsMode = 0o400;
const everyoneReads = 0o444;
const secretsName = 'secrets';
const passwdName = 'passwd';
/** `tmpfs` and `ramfs`, as the kernel numbers file systems. */
const memoryFileSystems: readonly number[] = [0x01021994, 0x858458f6];
/** More than any job takes from the creation of its files to the start of its container, when they are removed. */
const longestPreparingMs = 24 * 3_600_000;

/** The files of one job on this host, bound into its container. */
export interface JobFiles {
  readonly secretsPath: string;
  readonly passwdPath: string;
  /** Fills the existing secrets file: this file itself is bound into the container, not its path. */
  write(secrets: Uint8Array): Promise<void>;
  /** May be repeated. A started container keeps its bound files; one that was not started can no longer start. */
  remove(): Promise<void>;
}

/**
 * A directory in this host's memory for the secrets of jobs. Only root may read it. Each process has a directory of its
 * own in it whose name identifies the process; each job has one in there, with a name that cannot be guessed.
 */
export class HostFiles {
  /** False when the files are on a disk. */
  readonly isMemory: boolean;
  readonly #own: string;

  private constructor(own: string, isMemory: boolean) {
    this.#own = own;
    this.isMemory = isMemory;
  }

  /** Creates the directory if it is missing and removes what dead processes left in it. Throws `BrokenError`. */
  static async open(directory: string): Promise<HostFiles> {
    await mkdir(directory, { recursive: true, mode: onlyOurs });
    await assertOurs(directory);
    await sweep(directory);
    const own = join(directory, `${await processId(process.pid)}-${randomBytes(4).toString('hex')}`);
    await mkdir(own, { mode: onlyOurs });
    const { type } = await statfs(directory);
    return new HostFiles(own, memoryFileSystems.includes(type));
  }

  /** Creates the files of one job, the secrets file empty: the container needs it before the secrets are known. */
  async create(passwd: string, owner: NewFile['owner'] = jobUser): Promise<JobFiles> {
    const directory = join(this.#own, randomBytes(16).toString('hex'));
    await mkdir(directory, { mode: onlyOurs });
    const files = new BoundFiles(directory);
    try {
      await writeNew(files.secretsPath, { bytes: '', mode: secretsMode, owner });
      await writeNew(files.passwdPath, { bytes: passwd, mode: everyoneReads, owner: { uid: 0, gid: 0 } });
      return files;
    } catch (error) {
      await files.remove();
      throw unwritable(error);
    }
  }

  /** Removes the files of processes that have died. */
  async sweep(): Promise<void> {
    await sweep(dirname(this.#own));
  }

  /** Called when the process ends normally. */
  async close(): Promise<void> {
    await rm(this.#own, { recursive: true, force: true });
  }
}

class BoundFiles implements JobFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get secretsPath(): string {
    return join(this.#directory, secretsName);
  }

  get passwdPath(): string {
    return join(this.#directory, passwdName);
  }

  async write(secrets: Uint8Array): Promise<void> {
    try {
      await using file = await open(this.secretsPath, 'r+');
      await file.writeFile(secrets);
    } catch (error) {
      throw unwritable(error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

interface NewFile {
  readonly bytes: string;
  readonly mode: number;
  readonly owner: { readonly uid: number; readonly gid: number };
}

async function writeNew(path: string, { bytes, mode, owner }: NewFile): Promise<void> {
  await using file = await open(path, 'wx', mode);
  await file.writeFile(bytes);
  await file.chmod(mode); // Independent of the umask of the process.
  await file.chown(owner.uid, owner.gid);
}

function unwritable(error: unknown): BrokenError {
  const { code } = error as NodeJS.ErrnoException;
  return new BrokenError(
    'internal',
    `Could not write the files of a job on this host: ${code ?? 'unknown error'}. Free some memory, or set STINT_SECRETS_DIR.`,
  );
}

/** Its name is easy to guess and anybody may write to its parent, so another user may have created it first. */
async function assertOurs(directory: string): Promise<void> {
  const stats = await lstat(directory);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.())
    throw new BrokenError(
      'internal',
      `Could not use "${directory}" for secrets: it is no directory, or another user owns it. Remove it, or set STINT_SECRETS_DIR.`,
      { retryable: false },
    );
  await chmod(directory, onlyOurs);
}

/** PID, start time and PID namespace of a process: together they are unique. */
async function processId(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name is in parentheses and may contain anything; the field after it is the state.
  const fields = status?.slice(status.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined || fields[0] === 'Z') return undefined;
  return `${await pidNamespace()}-${pid}-${fields[19]}`;
}

async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}

async function sweep(directory: string): Promise<void> {
  const here = await pidNamespace();
  for (const name of await readdir(directory)) {
    if (await isLeftover(directory, name, here))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/**
 * Whether a process in another PID namespace runs cannot be checked: its directory is a leftover after a day without
 * use.
 */
async function isLeftover(directory: string, name: string, here: string): Promise<boolean> {
  const match = /^(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/.exec(name);
  if (match === null) return false;
  if (match[1] === here) return !name.startsWith(`${await processId(Number(match[2]))}-`);
  const stats = await stat(join(directory, name)).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > longestPreparingMs;
}
