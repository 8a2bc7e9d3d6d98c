// Images that bring an init process, on a real engine.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { findProgram } from '../../../rig/process.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
let bench: DockerBench;

/** Ends where it is not process 1, as the one of s6-overlay does. */
const insisting =
  '#!/bin/sh\nif [ $$ != 1 ]; then echo "fatal: can only run as pid 1" >&2; exit 100; fi\nexec "$@"\n';
const image = 'stint-test/insisting:1';
const tiniImage = 'stint-test/tini:1';

beforeAll(async () => {
  bench = await openDockerBench(dockerHost);
  const files = { '/init': { content: insisting, mode: 0o755 } };
  await buildImage(bench.docker, { tag: image, files, entrypoint: ['/init'] });
  const tini = { content: await readFile((await findProgram('docker-init')) ?? ''), mode: 0o755 };
  await buildImage(bench.docker, {
    tag: tiniImage,
    files: { '/bin/tini': tini },
    entrypoint: ['/bin/tini', '--'],
  });
});

afterAll(() => bench[Symbol.asyncDispose]());

describe('an image', () => {
  test('whose entrypoint insists on being process 1 runs', async () => {
    const { stdout, exit } = await runJob(bench, { image, command: ['sh', '-c', 'echo $$'] });

    expect(stdout.toString()).toBe('1\n');
    expect(exit).toMatchObject({ exitCode: 0, proven: true });
  });

  test('may say so with a label', async () => {
    const tag = 'stint-test/insisting-labelled:1';
    const files = { '/start': { content: insisting, mode: 0o755 } };
    const labels = { 'stint.init': 'false' };
    await buildImage(bench.docker, { tag, files, labels, entrypoint: ['/start'] });

    const { stdout } = await runJob(bench, { image: tag, command: ['sh', '-c', 'echo $$'] });

    expect(stdout.toString()).toBe('1\n');
  });

  test('gets an init process of ours where the job wants one', async () => {
    const { stderr, exit } = await runJob(bench, { image, command: ['true'], init: true });

    expect(stderr.toString()).toContain('can only run as pid 1');
    expect(exit).toMatchObject({ exitCode: 100 });
  });

  test.each([undefined, true])(
    'with a `tini` of its own prints nothing that the job did not (`init`: %s)',
    async (init) => {
      const { stdout, stderr } = await runJob(bench, { image: tiniImage, command: ['echo', 'hello'], init });

      expect(stdout.toString()).toBe('hello\n');
      expect(stderr.toString()).toBe('');
    },
  );

  test.each([undefined, true])(
    'with a `tini` of its own has its complaint about a missing command understood (`init`: %s)',
    async (init) => {
      const running = runJob(bench, { image: tiniImage, command: ['/nonesuch'], init });

      await expect(running).rejects.toMatchObject({
        reason: 'start_failed',
        code: 'command_not_found',
        exitCode: 127,
      });
    },
  );
});

test('a shell that starts a `tini` hears no warning from it', async () => {
  const { stderr } = await runJob(bench, {
    image: tiniImage,
    entrypoint: ['sh'],
    command: ['-c', '/bin/tini true'],
  });

  expect(stderr.toString()).toBe('');
});
