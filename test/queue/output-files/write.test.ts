import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasLink } from '../../../src/queue/output-files/directory.js';
import { writeOutputFile } from '../../../src/queue/output-files/write.js';

let place: string;
let root: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'stint-files-'));
  root = join(place, 'root');
  await mkdir(root);
});

afterEach(() => rm(place, { recursive: true }));

function write(path: string, text = 'hello'): Promise<void> {
  return writeOutputFile({ root, path: `${root}${path}`, nameInDirectory: 'id.out' }, Buffer.from(text));
}

const read = (path: string) => readFile(join(root, path), 'utf8');

test('a file is written, with the directories on its way', async () => {
  await write('/kai/logs/out.txt');

  expect(await read('kai/logs/out.txt')).toBe('hello');
  expect((await lstat(join(root, 'kai/logs/out.txt'))).mode & 0o777).toBe(0o644);
  expect(await readdir(join(root, 'kai/logs'))).toEqual(['out.txt']);
});

test('a path with a slash at its end, and one that names a directory, get the file in there', async () => {
  await mkdir(join(root, 'there'));

  await write('/new/');
  await write('/there');

  expect([await read('new/id.out'), await read('there/id.out')]).toEqual(['hello', 'hello']);
});

test('what is there is replaced, as often as it is written', async () => {
  await write('/out.txt', 'a long text');
  await write('/out.txt', 'short');
  await write('/out.txt', 'short');

  expect(await read('out.txt')).toBe('short');
  expect(await readdir(root)).toEqual(['out.txt']);
});

test('a symbolic link to a directory is not followed', async () => {
  await mkdir(join(place, 'outside'));
  await symlink('../outside', join(root, 'kai'));

  for (const path of ['/kai/out.txt', '/kai/a/out.txt', '/kai/'])
    await expect(write(path)).rejects.toThrow(/ELOOP|ENOTDIR/);
  expect(await readdir(join(place, 'outside'))).toEqual([]);
});

test('a symbolic link in the place of the file is replaced, and what it names stays', async () => {
  await writeFile(join(place, 'precious'), 'precious');
  await mkdir(join(place, 'outside'));
  await symlink('../precious', join(root, 'out.txt'));
  await symlink('../outside', join(root, 'dir'));

  await write('/out.txt');
  await write('/dir');

  expect(await readFile(join(place, 'precious'), 'utf8')).toBe('precious');
  expect(await readdir(join(place, 'outside'))).toEqual([]);
  expect([await read('out.txt'), await read('dir')]).toEqual(['hello', 'hello']);
});

test('a file in the place of a directory is an error, and nothing is left', async () => {
  await writeFile(join(root, 'kai'), 'a file');

  await expect(write('/kai/out.txt')).rejects.toThrow('ENOTDIR');
  expect(await readdir(root)).toEqual(['kai']);
});

test('a missing root is an error, and is not made', async () => {
  await rm(root, { recursive: true });

  await expect(write('/out.txt')).rejects.toThrow('ENOENT');
});

test('a link on the way is found, and what is missing is none', async () => {
  await mkdir(join(root, 'a'));
  await symlink('..', join(root, 'a/link'));

  expect(await hasLink(root, ['a', 'b', 'c'])).toBe(false);
  expect(await hasLink(root, ['a', 'link'])).toBe(true);
  expect(await hasLink(root, ['a', 'link', 'c'])).toBe(true);
});
