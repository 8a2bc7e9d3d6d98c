import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { startOwnEngine } from '../../rig/engine/own-engine.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { findInFiles } from './canary-search.js';
import { CanaryStage, coreFiles } from './canary-stage.js';

const engine = await startOwnEngine();
await ensureImage(connectDocker(engine.dockerHost), 'busybox:latest');
const on = await CanaryStage.open(engine.dockerHost);
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

async function untilGone(id: string): Promise<void> {
  await expect.poll(() => on.containersOf(id), { timeout: 30_000 }).toEqual([]);
}

/** As a shell may have them: in a variable. It is none of the job's environment. */
const crash = "sh -c 'v=$(cat /secrets.yml); ulimit -c unlimited; kill -ABRT $$'";

/** The kernel writes its memory wherever it writes core files, whatever limit it was started with. */
async function dumpCore(stint: StintServer): Promise<void> {
  await promisify(execFile)('prlimit', ['--core=unlimited:unlimited', `--pid=${stint.pid}`]);
  process.kill(stint.pid, 'SIGABRT');
  await stint.gone(20_000);
}

describe('C7: no secret and no credential is found anywhere', () => {
  test('after the engine was killed while a job ran, while it is gone, and when it is back', {
    timeout: 180_000,
  }, async () => {
    await using stint = await on.start();
    const client = await on.clientOf(stint);
    const id = await on.submit(client, 'engine', 'echo begun; sleep 300');
    await client.wait(id, 30_000, ({ output }) => output.includes('begun'));
    expect(await on.findNothingIn(stint, client, id)).toEqual([]);

    await engine.kill();
    expect(await on.search(stint, client, false)).toEqual([]);

    await engine.start();
    await client.kill(id);
    await client.wait(id, 60_000);
    await untilGone(id);
    expect(await on.search(stint, client, true)).toEqual([]);
  });

  test('after a job dumped its memory', { timeout: 120_000 }, async () => {
    await using stint = await on.start();
    const client = await on.clientOf(stint);
    const id = await on.submit(
      client,
      'core',
      `cd /dev/shm; ${crash}; echo "ended by $?, files: $(ls)."; sleep 300`,
    );

    const { output } = await client.wait(id, 30_000, (job) => job.output.includes('files'));

    expect(output).toContain('ended by 134, files: .\n');
    expect(await on.search(stint, client, false)).toEqual([]);
    await client.kill(id);
    await client.wait(id);
  });

  test('after stint dumped its own, while it had the secrets of a job', { timeout: 120_000 }, async () => {
    await using stint = await on.start();
    const client = await on.clientOf(stint);
    const id = await on.submit(client, 'own', 'echo begun; sleep 300');
    await client.wait(id, 30_000, ({ output }) => output.includes('begun'));
    const kindsOfMemory = await readFile(`/proc/${stint.pid}/coredump_filter`, 'utf8');

    await dumpCore(stint);

    const cores = await coreFiles();
    const found = cores.length === 0 ? [] : await findInFiles(on.canaries, cores);
    await Promise.all(cores.map((core) => rm(core)));
    expect(found).toEqual([]);
    expect(kindsOfMemory).toBe('00000000\n');
  });
});
