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
/** From its making to the start of its container, when its files go: no job takes so long. */
const longestPreparingMs = 24 * 3_600_000;

/** The files of one job on this host, bound into its container. */
export interface JobFiles {
  readonly secretsPath: string;
  readonly passwdPath: string;
  /** Fills the secrets file where it lies: the container has this very file bound, not its name. */
  write(secrets: Uint8Array): Promise<void>;
  /** May be repeated. A container that has started keeps what it has bound; one that has not cannot start any more. */
  remove(): Promise<void>;
}

/**
 * A directory on this host's memory where jobs find their secrets. Nobody but root may look inside. Each process has
 * a directory of its own in it that tells its owner, each job one with a name that cannot be guessed.
 */
export class HostFiles {
  /** False when the files would end up on a disk. */
  readonly isMemory: boolean;
  readonly #own: string;

  private constructor(own: string, isMemory: boolean) {
    this.#own = own;
    this.isMemory = isMemory;
  }

  /** Makes the directory where it is missing and removes what dead processes left in it. Throws `BrokenError`. */
  static async open(directory: string): Promise<HostFiles> {
    await mkdir(directory, { recursive: true, mode: onlyOurs });
    await assertOurs(directory);
    await sweep(directory);
    const own = join(directory, `${await ownerName(process.pid)}-${randomBytes(4).toString('hex')}`);
    await mkdir(own, { mode: onlyOurs });
    const { type } = await statfs(directory);
    return new HostFiles(own, memoryFileSystems.includes(type));
  }

  /** Makes the files of one job: the secrets empty, since the container needs them before they are known. */
  async create(passwd: string): Promise<JobFiles> {
    const directory = join(this.#own, randomBytes(16).toString('hex'));
    await mkdir(directory, { mode: onlyOurs });
    const files = new BoundFiles(directory);
    try {
      await writeNew(files.secretsPath, { bytes: '', mode: secretsMode, owner: jobUser });
      await writeNew(files.passwdPath, { bytes: passwd, mode: everyoneReads, owner: { uid: 0, gid: 0 } });
      return files;
    } catch (error) {
      await files.remove();
      throw unwritable(error);
    }
  }

  /** Removes what processes that died meanwhile left. */
  async sweep(): Promise<void> {
    await sweep(dirname(this.#own));
  }

  /** Called when the process ends in peace. */
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
  await file.chmod(mode); // Whatever the process masks.
  await file.chown(owner.uid, owner.gid);
}

function unwritable(error: unknown): BrokenError {
  const { code } = error as NodeJS.ErrnoException;
  return new BrokenError(
    'internal',
    `Could not write the files of a job on this host: ${code ?? 'unknown error'}. Free some memory, or set STINT_SECRETS_DIR.`,
  );
}

/** Its name is easy to guess and its parent is open to all, so somebody else may have made it first. */
async function assertOurs(directory: string): Promise<void> {
  const stats = await lstat(directory);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.())
    throw new BrokenError(
      'internal',
      `Could not use "${directory}" for secrets: it is no directory, or it belongs to somebody else. Remove it, or set STINT_SECRETS_DIR.`,
      { retryable: false },
    );
  await chmod(directory, onlyOurs);
}

/** Process number, its start time and the name space that the number belongs to: together never given twice. */
async function ownerName(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name stands in parentheses and may hold anything; what follows it starts with the state.
  const fields = status?.slice(status.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined || fields[0] === 'Z') return undefined;
  return `${await nameSpace()}-${pid}-${fields[19]}`;
}

async function nameSpace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}

async function sweep(directory: string): Promise<void> {
  const here = await nameSpace();
  for (const name of await readdir(directory)) {
    if (await isLeftover(directory, name, here))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** A process in another name space cannot be asked after: its directory is a leftover when nobody used it for a day. */
async function isLeftover(directory: string, name: string, here: string): Promise<boolean> {
  const match = /^(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/.exec(name);
  if (match === null) return false;
  if (match[1] === here) return !name.startsWith(`${await ownerName(Number(match[2]))}-`);
  const stats = await stat(join(directory, name)).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > longestPreparingMs;
}
