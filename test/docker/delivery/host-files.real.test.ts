import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HostFiles } from '../../../src/docker/delivery/host-files.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp('/dev/shm/stint-test-');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** The directory name of a process with this PID. */
async function leave(pid: number, nameSpace?: string): Promise<string> {
  const here = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0];
  const name = `${nameSpace ?? here}-${pid}-12345-0123abcd`;
  await mkdir(join(directory, name));
  await writeFile(join(directory, name, 'secrets'), 'x');
  return name;
}

/** The PID of a process that has ended. */
function deadPid(): number {
  return Number(execFileSync('sh', ['-c', 'echo $$']));
}

describe('the files of a job', () => {
  test('exist before the secrets, for the job alone, in a directory that only root can read', async () => {
    const host = await HostFiles.open(directory);
    const files = await host.create('root:x:0:0::/:/bin/sh\n');

    const [secrets, passwd, above] = await Promise.all(
      [files.secretsPath, files.passwdPath, directory].map((path) => stat(path)),
    );

    expect(secrets).toMatchObject({ size: 0, uid: 2001, gid: 2001 });
    expect([secrets, passwd, above].map((each) => (each?.mode ?? 0) & 0o777)).toEqual([0o400, 0o444, 0o700]);
    await host.close();
  });

  test('are filled in place: a container has the file bound, not its path', async () => {
    const host = await HostFiles.open(directory);
    const files = await host.create('');
    const before = (await stat(files.secretsPath)).ino;

    await files.write(Buffer.from('TOKEN: x\n'));

    expect(await stat(files.secretsPath)).toMatchObject({ ino: before, size: 9 });
    await host.close();
  });

  test('are removed without those of other jobs, and may be removed twice', async () => {
    const host = await HostFiles.open(directory);
    const [one, other] = [await host.create(''), await host.create('')];

    await one.remove();
    await one.remove();

    await expect(stat(one.secretsPath)).rejects.toThrow('ENOENT');
    expect((await stat(other.secretsPath)).isFile()).toBe(true);
    await host.close();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('opening', () => {
  test('tells memory from a disk', async () => {
    const host = await HostFiles.open(directory);

    expect(host.isMemory).toBe(true);
    await host.close();
  });

  test('removes all access of others to the directory', async () => {
    await chmod(directory, 0o777);

    const host = await HostFiles.open(directory);

    expect((await lstat(directory)).mode & 0o777).toBe(0o700);
    await host.close();
  });

  test('refuses a directory of another user', async () => {
    await chown(directory, 2001, 2001);

    await expect(HostFiles.open(directory)).rejects.toMatchObject({ code: 'internal', retryable: false });
  });

  test('removes what dead processes left, and nothing of running ones', async () => {
    const dead = await leave(deadPid());
    const recycled = await leave(process.pid);
    const living = await HostFiles.open(directory);
    const files = await living.create('');

    const next = await HostFiles.open(directory);

    const names = await readdir(directory);
    expect(names).toHaveLength(2);
    expect(names).not.toContain(dead);
    expect(names).not.toContain(recycled);
    expect((await stat(files.secretsPath)).isFile()).toBe(true);
    await Promise.all([living.close(), next.close()]);
  });

  test('removes what a process of another container left only after a day', async () => {
    const young = await leave(7, '42');
    const old = await leave(8, '42');
    const longAgo = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(directory, old), longAgo, longAgo);

    const host = await HostFiles.open(directory);

    const names = await readdir(directory);
    expect(names).toContain(young);
    expect(names).not.toContain(old);
    await host.close();
  });

  test('does not touch files that are not ours', async () => {
    await writeFile(join(directory, 'note'), 'mine');

    const host = await HostFiles.open(directory);

    expect(await readdir(directory)).toContain('note');
    await host.close();
  });
});
