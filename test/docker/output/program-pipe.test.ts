import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OpenPipe } from '../../../src/docker/output/program-pipe.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stint-pipe-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const make = async (...names: string[]) =>
  promisify(execFile)(
    'mkfifo',
    names.map((name) => join(directory, name)),
  );

async function readAll(pipe: OpenPipe): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of pipe.output) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

test('what was written before the end is read, however often the other side opened and closed it', async () => {
  await make('a.in', 'a.out');
  using pipe = await OpenPipe.open(directory, 'a');
  for (const text of ['one ', 'two'])
    execFileSync('sh', ['-c', `printf '${text}' > "$0"`, join(directory, 'a.out')]);

  pipe.end();

  expect(await readAll(pipe)).toBe('one two');
});

test('the pipes may be opened twice, and a write after the end settles', async () => {
  await make('a.in', 'a.out');
  using first = await OpenPipe.open(directory, 'a');
  using second = await OpenPipe.open(directory, 'a');
  await second.write(Buffer.from('x'));
  second.end();

  expect(await second.write(Buffer.from('late'))).toBeUndefined();
  expect(first.name).toBe('a');
});

test.each([
  ['a file', () => writeFileSync(join(directory, 'a.out'), 'secret')],
  [
    'a link to a pipe',
    async () => {
      await make('other');
      symlinkSync('other', join(directory, 'a.out'));
    },
  ],
  ['nothing', () => undefined],
])('%s in the place of a pipe is not opened', async (_, put) => {
  await make('a.in');
  await put();

  await expect(OpenPipe.open(directory, 'a')).rejects.toThrow(/no pipe|ELOOP|ENOENT|ENXIO/);
});

test('a full pipe takes a write only as the other side reads', async () => {
  await make('a.in', 'a.out');
  using pipe = await OpenPipe.open(directory, 'a');
  let isTaken = false;
  const write = async () => {
    await pipe.write(Buffer.alloc(200_000, 'x'));
    isTaken = true;
  };
  const writing = write();
  const seen = execFileSync('head', ['-c', '1000', join(directory, 'a.in')]);
  const before = isTaken;
  pipe.end();
  await writing;

  expect(seen).toHaveLength(1_000);
  expect(before).toBe(false);
});
