import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { tarGzOf } from '../../support/archives.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, readJob, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';
import { openTcpRelay, type TcpRelay } from '../../support/tcp-relay.js';

const { socketPath, dockerHost } = await rigPart('engine');
let door: TcpRelay;
let bench: DockerBench;

beforeAll(async () => {
  if (socketPath === undefined) throw new Error('Expected an engine with a socket.');
  door = await openTcpRelay(socketPath);
  bench = await openDockerBench(`tcp://127.0.0.1:${door.port}`);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
});

test('a remote engine gets secrets, users and content in one archive', async () => {
  const content = await tarGzOf([
    {
      name: 'data/run.sh',
      body: '#!/bin/sh\nid -un; stat -c "%a %u:%g" /secrets.yml; cat /secrets.yml\n',
      mode: 0o755,
    },
    { name: 'etc/passwd', body: 'mine' },
  ]);

  const { stdout, exit } = await runJob(bench, { command: ['/data/run.sh'], content }, 'TOKEN: y\n');

  expect(stdout.toString()).toBe('gostint\n400 2001:2001\nTOKEN: y\n');
  expect(exit).toMatchObject({ exitCode: 0, proven: true });
});

test('a job for a remote engine has no files on this host and no mounts', async () => {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, command: ['cat', '/secrets.yml'] });
  await using container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: CANARY\n'));

  const facts = await bench.docker.getContainer(container.id).inspect();

  expect(await bench.hostFiles()).toEqual([]);
  expect(facts.Mounts).toEqual([]);
  expect(JSON.stringify(facts)).not.toContain('CANARY');
  expect((await readJob(await container.start())).stdout.toString()).toBe('TOKEN: CANARY\n');
});

test('an image without a user list gets one, by either delivery', async () => {
  const busybox = { content: await readFile('/bin/busybox'), mode: 0o755 };
  await buildImage(bench.docker, {
    tag: 'stint-test/bare:1',
    empty: true,
    files: { '/bin/busybox': busybox },
  });
  await using local = await openDockerBench(dockerHost);
  const request = { image: 'stint-test/bare:1', command: ['/bin/busybox', 'id', '-un'] };

  const outputs = await Promise.all([bench, local].map((each) => runJob(each, request)));

  expect(outputs.map(({ stdout }) => stdout.toString())).toEqual(['gostint\n', 'gostint\n']);
});

test('the CA certificate of Vault is delivered too', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stint-test-'));
  const caCertificatePath = join(directory, 'ca.pem');
  await writeFile(caCertificatePath, 'AUTHORITY\n');
  await using other = await openDockerBench(bench.options.docker.host, { caCertificatePath });

  const { stdout } = await runJob(other, { command: ['cat', caCertificatePath] });

  await rm(directory, { recursive: true });
  expect(stdout.toString()).toBe('AUTHORITY\n');
});
