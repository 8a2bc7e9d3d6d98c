// Tests that names and paths which only a real engine refuses fail the job at once, for good.
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
let bench: DockerBench;

beforeAll(async () => {
  bench = await openDockerBench(dockerHost);
});

afterAll(() => bench[Symbol.asyncDispose]());

const looping = 'stint-test/looping:1';

/** A busybox in which `/loop` is a link to itself. */
async function buildLoopingImage(): Promise<void> {
  const container = await bench.docker.createContainer({
    Image: 'busybox:latest',
    Cmd: ['ln', '-s', 'loop', '/loop'],
  });
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  output.resume();
  await container.start();
  await finished(output);
  await container.wait();
  await container.commit({ repo: 'stint-test/looping', tag: '1' });
  await container.remove();
}

describe('a job fails for good', () => {
  test.each([
    ['below a file', '/etc/passwd/x'],
    ['far below a file', '/etc/passwd/x/y'],
    ['with a name that is too long', `/${'a'.repeat(256)}`],
    ['with a path that is too long', `/${Array.from({ length: 17 }, () => 'a'.repeat(250)).join('/')}`],
  ])('when its directory is one %s', async (_, workingDirectory) => {
    await expect(runJob(bench, { command: ['true'], workingDirectory })).rejects.toMatchObject({
      reason: 'start_failed',
      code: 'directory_unusable',
    });
    expect(await bench.containers()).toEqual([]);
  });

  test('when its directory is a loop of links', async () => {
    await buildLoopingImage();

    await expect(
      runJob(bench, { image: looping, command: ['true'], workingDirectory: '/loop' }),
    ).rejects.toMatchObject({ reason: 'start_failed', code: 'directory_unusable' });
  });

  test.each([
    ['a digest of an unknown kind', `busybox@md5:${'a'.repeat(32)}`],
    ['a name that is too long with the default registry', 'a'.repeat(255)],
    ['a name that is too long without it', `${'a'.repeat(250)}/a`],
  ])('when its image is %s', async (_, image) => {
    await expect(runJob(bench, { image, pullPolicy: 'Never' })).rejects.toMatchObject({
      reason: 'image_unavailable',
      // Docker 29 counts the length without the registry: to it the last one is an image that it does not have.
      code: expect.stringMatching(/^image_(reference_invalid|missing)$/),
    });
  });

  test.each([
    ['whose directory is below a file', { workdir: '/bin/busybox/x' }],
    ['whose volume is a file', { volumes: ['/bin/busybox'] }],
  ])('when its image is one %s', async (_, recipe) => {
    await buildImage(bench.docker, { tag: 'stint-test/unusable:1', ...recipe });

    await expect(runJob(bench, { image: 'stint-test/unusable:1', command: ['true'] })).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_unusable',
    });
    expect(await bench.containers()).toEqual([]);
  });
});
