// Packs content byte for byte as GoStint's own client does, for the tests of that client.
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/*
 * Seen in archives of the client (October 2018), which writes them with Go's archive/tar:
 *
 * - A file is sent as it is, whatever is in it. A folder is packed and compressed. `.` is the working directory.
 * - The folder itself is the first entry: a directory whose name is empty. Directories have no slash at their end and come
 *   before what is in them; names are sorted in each directory.
 * - A name is the path below the folder. It stays the whole path where the folder is written as `./x`, because paths are
 *   cleaned and the folder that is cut off them is not.
 * - Owner and group are 2001 and `gostint`; modes are those on disk with set-uid and sticky bits; times are rounded to seconds.
 * - A link is a link to its own last name, whatever it points to on disk. Nothing is followed.
 * - Headers are ustar. A name that does not fit, or is not ASCII, is in an extended header (pax) before its entry.
 * - Two blocks of zeros end the archive, and nothing fills it up to a record.
 */

/** The value of the field `content`. */
export async function encodeContent(path: string): Promise<string> {
  const from = path === '.' ? process.cwd() : path;
  const isFolder = (await stat(from)).isDirectory();
  const archive = isFolder ? gzipSync(await packFolder(from)) : await readFile(from);
  return `targz,${archive.toString('base64')}`;
}

export async function packFolder(folder: string): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const path of walk(folder)) {
    const isBelow = path.startsWith(folder);
    const name = (isBelow ? path.slice(folder.length) : path).replace(/^\//, '');
    blocks.push(await packEntry(path, name));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

async function* walk(path: string): AsyncGenerator<string> {
  yield path;
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of (await readdir(path)).toSorted()) yield* walk(join(path, name));
}

async function packEntry(path: string, name: string): Promise<Buffer> {
  const found = await lstat(path);
  const body = found.isFile() ? await readFile(path) : Buffer.alloc(0);
  const type = found.isDirectory() ? '5' : found.isSymbolicLink() ? '2' : '0';
  const header = {
    type,
    mode: found.mode & 0o7777,
    owner: 2001,
    ownerName: 'gostint',
    size: body.length,
    time: Math.round(found.mtimeMs / 1000),
    target: type === '2' ? basename(path) : '',
  };
  return Buffer.concat([...named(name, header), padded(body)]);
}

interface Header {
  readonly type: string;
  readonly mode: number;
  readonly owner: number;
  /** An extended header has none. */
  readonly ownerName: string | undefined;
  readonly size: number;
  readonly time: number;
  readonly target: string;
}

/** The entry's header, after an extended one where its name needs that. */
function named(name: string, header: Header): Buffer[] {
  const parts = splitName(name);
  if (parts !== undefined) return [headerBlock(parts, header)];
  const record = paxRecord(`path=${name}`);
  const extended = {
    type: 'x',
    mode: 0,
    owner: 0,
    ownerName: undefined,
    size: record.length,
    time: 0,
    target: '',
  };
  const extendedName = toAscii(join(dirname(name), 'PaxHeaders.0', basename(name)));
  return [
    headerBlock({ name: extendedName, prefix: '' }, extended),
    padded(record),
    headerBlock({ name: toAscii(name), prefix: '' }, header),
  ];
}

/** 100 bytes, or 155 more before one of the slashes; undefined where that is not enough. */
function splitName(name: string): { name: string; prefix: string } | undefined {
  if (/\P{ASCII}/u.test(name)) return undefined;
  if (name.length <= nameBytes) return { name, prefix: '' };
  const slash = name.slice(0, 156).lastIndexOf('/');
  const rest = name.slice(slash + 1);
  return slash > 0 && rest.length <= nameBytes ? { name: rest, prefix: name.slice(0, slash) } : undefined;
}

/** What is left of a name for programs that do not read extended headers. */
function toAscii(name: string): string {
  return name.replaceAll(/\P{ASCII}/gu, '').slice(0, nameBytes);
}

/** A record begins with its own length, digits and all. */
function paxRecord(text: string): Buffer {
  const bytes = Buffer.byteLength(text) + 2;
  const digits = String(bytes + String(bytes).length).length;
  return Buffer.from(`${bytes + digits} ${text}\n`);
}

function headerBlock({ name, prefix }: { name: string; prefix: string }, header: Header): Buffer {
  const block = Buffer.alloc(blockBytes);
  const { mode, owner, ownerName, size, time, type, target } = header;
  const ids = `${octal(mode, 8)}${octal(owner, 8)}${octal(owner, 8)}`;
  block.write(name, 0);
  block.write(`${ids}${octal(size, 12)}${octal(time, 12)}        ${type}${target}`, 100);
  block.write('ustar\x0000', 257);
  if (ownerName !== undefined) {
    block.write(ownerName, 265);
    block.write(ownerName, 297);
    block.write(`${octal(0, 8)}${octal(0, 8)}`, 329);
  }
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)} `, 148);
  return block;
}

function octal(value: number, bytes: number): string {
  return `${value.toString(8).padStart(bytes - 1, '0')}\0`;
}

function padded(body: Buffer): Buffer {
  return Buffer.concat([body, Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes)]);
}

const blockBytes = 512;
const nameBytes = 100;
