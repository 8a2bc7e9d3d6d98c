/** What content may be. Sizes in bytes, times in milliseconds. */
export interface ArchiveRules {
  readonly limits: ArchiveLimits;
  /** Lets relative links in that stay inside. */
  readonly allowLinks: boolean;
  /** Files that stint puts into every container, without the leading slash. Content may bring them as plain files, which are then left out. */
  readonly ownFiles: readonly string[];
}

export interface ArchiveLimits {
  readonly compressedBytes: number;
  /** The whole archive unpacked, headers and all. */
  readonly plainBytes: number;
  /** Of plain to compressed; looked at only once there is more than `ratioFreeBytes` of plain. */
  readonly ratio: number;
  readonly ratioFreeBytes: number;
  readonly entries: number;
  readonly depth: number;
  readonly nameBytes: number;
  /** Of one entry, with all extended headers before it. */
  readonly headerBytes: number;
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
  depth: 64,
  nameBytes: 1024,
  headerBytes: 16 * kib,
  metadataBytes: 64 * kib,
  timeMs: 120_000,
};

/** The list of users, which gets the job's own. */
export const passwdFile = 'etc/passwd';

/** Where the secrets lie inside the container: nothing of the content's may be there, or be what leads there. */
export const secretsFiles: readonly string[] = ['secrets.yml', 'secrets.json'];

/** Not part of the image: what is written there is either hidden or the kernel's. */
export const kernelDirectories: readonly string[] = ['proc', 'sys', 'dev'];

/**
 * Directories without which hardly an image works. No file or link may take their place. As directories they are let
 * in and left out of what the engine gets: their mode and owner are the image's, and some are links in some images.
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
