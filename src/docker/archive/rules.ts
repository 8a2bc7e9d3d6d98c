// Limits and forbidden paths for the content of a job.

/** Which content is accepted. Sizes in bytes, times in milliseconds. */
export interface ArchiveRules {
  readonly limits: ArchiveLimits;
  /** Whether relative links are accepted that stay inside the root. */
  readonly allowLinks: boolean;
  /**
   * Files that stint puts into every container, without the leading slash. Content may contain them as plain files,
   * which are then left out.
   */
  readonly ownFiles: readonly string[];
}

export interface ArchiveLimits {
  readonly compressedBytes: number;
  /** The whole archive unpacked, including headers. */
  readonly plainBytes: number;
  /** Of unpacked to compressed bytes; checked only above `ratioFreeBytes` unpacked bytes. */
  readonly ratio: number;
  readonly ratioFreeBytes: number;
  readonly entries: number;
  /** Number of entries and of all directories that lead to them. */
  readonly places: number;
  /** Of the names of all places together, each step counted once, and of the targets of links. */
  readonly allNamesBytes: number;
  readonly depth: number;
  readonly nameBytes: number;
  /** Of one entry, with all extended headers before it. */
  readonly headerBytes: number;
  /** Of the list of the pieces of one sparse file. */
  readonly sparseMapBytes: number;
  /** Largest file that is kept in memory while the hard links to it are written. */
  readonly keptBytes: number;
  readonly metadataBytes: number;
  readonly timeMs: number;
}

const kib = 1024;
const mib = 1024 * kib;

export const defaultArchiveLimits: ArchiveLimits = {
  compressedBytes: 256 * mib,
  plainBytes: 256 * mib,
  ratio: 200,
  ratioFreeBytes: 32 * mib,
  entries: 100_000,
  places: 150_000,
  allNamesBytes: 6 * mib,
  depth: 64,
  nameBytes: 1024,
  headerBytes: 16 * kib,
  sparseMapBytes: 256 * kib,
  keptBytes: 8 * mib,
  metadataBytes: 64 * kib,
  timeMs: 120_000,
};

/** The list of users, to which the job's user is added. */
export const passwdFile = 'etc/passwd';

/** Paths of the secrets file inside the container: content may neither replace it nor link to it. */
export const secretsFiles: readonly string[] = ['secrets.yml', 'secrets.json'];

/** Not part of the image: the kernel provides these, and files written there would be hidden. */
export const kernelDirectories: readonly string[] = ['proc', 'sys', 'dev'];

/**
 * Directories that most images need. No file or link may replace them. As directories they are accepted but not sent
 * to the engine: the image sets their mode and owner, and in some images they are links.
 */
export const systemDirectories: ReadonlySet<string> = new Set([
  ...below('', 'bin boot etc home lib lib32 lib64 libx32 media mnt opt root run sbin srv tmp usr var'),
  ...below('usr/', 'bin include lib lib32 lib64 libexec local sbin share'),
  ...below('usr/local/', 'bin etc lib sbin share'),
  ...below('var/', 'cache lib lock log mail run spool tmp'),
]);

function below(parent: string, names: string): string[] {
  return names.split(' ').map((name) => parent + name);
}
