// Packs a folder with tar-stream: pack.mjs FOLDER, the archive on stdout.
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pack } from 'tar-stream';

const [, , folder = '.'] = process.argv;
const tar = pack();
tar.pipe(process.stdout);
/** Paths by the numbers of their files: a second name of one is a hard link. */
const known = new Map();

for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  const { mode, mtime, ino } = await lstat(path);
  const header = { name: relative(folder, path), mode, mtime };
  if (entry.isDirectory()) tar.entry({ ...header, type: 'directory' });
  else if (entry.isSymbolicLink()) tar.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  else if (known.has(ino)) tar.entry({ ...header, type: 'link', linkname: known.get(ino) });
  else tar.entry(header, await readFile(path));
  known.set(ino, header.name);
}
tar.finalize();
