// The files of a busybox image, made from Debian's `busybox-static`, for machines that reach no registry.
import { readFile } from 'node:fs/promises';
import { findProgram, RigError, runCommand } from '../process.js';
import { type InstallOptions, installDebianPackages } from './debian.js';

/** A file, folder or link for an image. Owned by root by default. */
export interface ImageEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly content?: string | Buffer;
  readonly target?: string;
  readonly hasCapabilities?: boolean;
}

/** The same root file system as the public busybox image. Installs `busybox-static` where it is missing. */
export async function busyboxEntries(options: InstallOptions = {}): Promise<ImageEntry[]> {
  const program = (await findStaticBusybox()) ?? (await installBusybox(options));
  const applets = (await runCommand(program, ['--list'])).trim().split('\n');
  const links = applets.filter((name) => name !== 'busybox').map(toAppletLink);
  return [
    ...FOLDERS,
    { path: 'bin/busybox', type: 'file', mode: 0o755, content: await readFile(program) },
    ...links,
    ...ACCOUNTS,
  ];
}

function toAppletLink(name: string): ImageEntry {
  return { path: `bin/${name}`, type: 'symlink', target: 'busybox' };
}

async function installBusybox(options: InstallOptions): Promise<string> {
  await installDebianPackages(['busybox-static'], options);
  const program = await findStaticBusybox();
  if (program === undefined) throw new RigError('Could not find a static busybox after installing one.');
  return program;
}

/** The package `busybox` installs a program of the same name, but it needs libraries that the image does not have. */
async function findStaticBusybox(): Promise<string | undefined> {
  const program = await findProgram('busybox');
  if (program === undefined || !isStatic(await readFile(program))) return undefined;
  return program;
}

/** An ELF file that needs libraries has a program header that names their loader. */
function isStatic(file: Buffer): boolean {
  const tableAt = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  const count = file.readUInt16LE(56);
  const kinds = Array.from({ length: count }, (_, index) => file.readUInt32LE(tableAt + index * entrySize));
  return !kinds.includes(ELF_INTERPRETER);
}

const ELF_INTERPRETER = 3;

const FOLDERS: readonly ImageEntry[] = [
  ...['bin', 'etc', 'home', 'usr', 'usr/bin', 'usr/sbin', 'var', 'var/spool', 'var/www'].map(toFolder),
  { path: 'root', type: 'directory', mode: 0o700 },
  { path: 'tmp', type: 'directory', mode: 0o1777 },
  { path: 'usr/bin/env', type: 'symlink', target: '../../bin/busybox' },
];

function toFolder(path: string): ImageEntry {
  return { path, type: 'directory', mode: 0o755 };
}

const ACCOUNTS: readonly ImageEntry[] = [
  {
    path: 'etc/passwd',
    type: 'file',
    content: [
      'root:x:0:0:root:/root:/bin/sh',
      'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
      'www-data:x:33:33:www-data:/var/www:/bin/false',
      'nobody:x:65534:65534:nobody:/home:/bin/false\n',
    ].join('\n'),
  },
  {
    path: 'etc/group',
    type: 'file',
    content: 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n',
  },
];
