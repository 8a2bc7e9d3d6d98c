// Commands that cannot be started, on a real engine: with an init process of ours and without.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { longestStartBytes, startBytes } from '../../../src/job/check.js';
import { tarGzOf } from '../../support/archives.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';
import { openTcpRelay } from '../../support/tcp-relay.js';

const { dockerHost, socketPath } = await rigPart('engine');
const image = 'stint-test/unstartable-programs:1';
let bench: DockerBench;

/** The head of a program that needs a loader which is not there; nothing of it is ever executed. */
async function dynamicProgram(): Promise<Buffer> {
  return await readFile(process.execPath).then((node) => node.subarray(0, 64 * 1024));
}

/** A static program for another processor. */
async function foreignProgram(): Promise<Buffer> {
  const program = await readFile('/bin/busybox');
  program.writeUInt16LE(0xf7, 18);
  return program;
}

function script(firstLine: string) {
  return { content: `${firstLine}\necho ran\n`, mode: 0o755 };
}

beforeAll(async () => {
  bench = await openDockerBench(dockerHost);
  await buildImage(bench.docker, {
    tag: image,
    files: {
      '/opt/dynamic': { content: await dynamicProgram(), mode: 0o755 },
      '/opt/foreign': { content: await foreignProgram(), mode: 0o755 },
      '/opt/capabilities': { content: await readFile('/bin/busybox'), mode: 0o755, hasCapabilities: true },
      '/opt/no-interpreter': script('#!/opt/bash -e'),
      '/opt/indirect': script('#!/opt/no-interpreter'),
      '/opt/windows': script('#!/bin/sh\r'),
      '/opt/link': { target: 'windows' },
      '/opt/circle': { target: 'circle' },
      '/opt/unmarked': { content: 'plain text\n', mode: 0o644 },
    },
  });
});

afterAll(() => bench[Symbol.asyncDispose]());

const programs: readonly (readonly [string, string, number, RegExp])[] = [
  ['/opt/nonesuch', 'command_not_found', 127, /no such program\. Check/],
  ['nonesuch', 'command_not_found', 127, /no such program on its PATH/],
  ['/opt/dynamic', 'command_not_found', 127, /does not have the loader "\/lib64\/ld-linux[^"]*"/],
  ['/opt/no-interpreter', 'command_not_found', 127, /does not have the interpreter "\/opt\/bash"/],
  ['/opt/indirect', 'command_not_found', 127, /does not have the interpreter "\/opt\/bash"/],
  ['/opt/windows', 'command_not_found', 127, /Windows.*Unix line ends/],
  ['/opt/link', 'command_not_found', 127, /Windows/],
  ['/opt/capabilities', 'command_not_executable', 126, /setcap -r/],
  ['/opt/circle', 'command_not_executable', 126, /circle/],
  ['/opt/unmarked', 'command_not_executable', 126, /Check its mode/],
  ['/etc', 'command_not_executable', 126, /Check its mode/],
  ['/etc/passwd/x', 'command_not_executable', 126, /a part of its path is a file/],
];

describe.each([true, false])('a command that cannot be started (`init`: %s)', (init) => {
  test.each(programs)('%s fails the job with %s', async (program, code, exitCode, words) => {
    const running = runJob(bench, { image, command: [program, 'a'], init });

    await expect(running).rejects.toMatchObject({ reason: 'start_failed', code, exitCode });
    await expect(running).rejects.toThrow(words);
    expect(await bench.containers()).toEqual([]);
  });

  test('is looked for on the PATH of the job, and from its directory', async () => {
    const onPath = { image, command: ['windows'], env: ['PATH=/bin:/opt'], init };
    const fromDirectory = { image, command: ['./windows'], workingDirectory: '/opt', init };

    await expect(runJob(bench, onPath)).rejects.toThrow(/Windows/);
    await expect(runJob(bench, fromDirectory)).rejects.toThrow(/Windows/);
  });

  test('may come with the content, and so may what it needs', async () => {
    const content = await tarGzOf([
      { name: 'opt/mine', body: '#!/bin/sh\r\necho\r\n', mode: 0o755 },
      { name: 'opt/other', body: '#!/opt/mine\n', mode: 0o755 },
    ]);

    await expect(runJob(bench, { image, command: ['/opt/other'], content, init })).rejects.toThrow(/Windows/);
  });

  test('that is as long as arguments may be starts', async () => {
    const rest = longestStartBytes - startBytes(['true', 'x'.repeat(100_000)]) - 1024; // The image's PATH is in it.
    const more = Array.from({ length: Math.floor(rest / 100_009) }, () => 'x'.repeat(100_000));

    const { exit } = await runJob(bench, { command: ['true', 'x'.repeat(100_000), ...more], init });

    expect(exit).toMatchObject({ exitCode: 0 });
  });
});

test('a program for another processor is told so where nothing stands in between', async () => {
  const running = runJob(bench, { image, command: ['/opt/foreign'], init: false });

  await expect(running).rejects.toMatchObject({ reason: 'start_failed', exitCode: 126 });
  await expect(running).rejects.toThrow(/processor/);
});

test('a job that ends with such a code by itself was started', async () => {
  for (const code of [1, 2, 126, 127, 255]) {
    const { exit } = await runJob(bench, {
      command: ['sh', '-c', `echo "exec /opt/x: it failed" >&2; exit ${code}`],
    });

    expect(exit).toMatchObject({ exitCode: code, proven: true });
  }
});

test('a limit of processes that leaves no room for the command is told so', async () => {
  await using narrow = await openDockerBench(dockerHost, { job: { ...bench.options.job, pids: 1 } });

  await expect(runJob(narrow, { command: ['true'] })).rejects.toMatchObject({
    reason: 'start_failed',
    code: 'start_refused',
    message: expect.stringContaining('STINT_JOB_PIDS'),
  });
});

test('of a job on a remote engine, its own container is looked at', async () => {
  await using relay = await openTcpRelay(socketPath ?? '');
  await using remote = await openDockerBench(`tcp://127.0.0.1:${relay.port}`);
  const content = await tarGzOf([{ name: 'opt/mine', body: '#!/bin/sh\r\necho\r\n', mode: 0o755 }]);

  await expect(runJob(remote, { image, command: ['/opt/mine'], content })).rejects.toThrow(/Windows/);
});
