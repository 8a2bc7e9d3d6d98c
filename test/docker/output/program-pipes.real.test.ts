import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { ContainerRequest, ProgramPipe, RunningContainer } from '../../../src/executor/backend.js';
import { tarGzOf } from '../../support/archives.js';
import { containerRequest } from '../../support/container-request.js';
import { openDockerBench, readJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const bench = await openDockerBench(dockerHost);
afterAll(() => bench[Symbol.asyncDispose]());

const place = '/run/stint/streams/ctl';
const echo = `exec <>${place}.in 1<>${place}.out; read -r line; echo "got $line"`;

function requestOf(script: string, more: Partial<ContainerRequest> = {}): ContainerRequest {
  const { options, ...others } = more;
  return containerRequest({
    jobId: randomUUID(),
    fence: 1,
    command: ['sh', '-c', script],
    options: { pipes: ['ctl'], ...options },
    ...others,
  });
}

async function prepare(request: ContainerRequest) {
  const container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x\n'));
  return container;
}

/** Writes a line, and reads all to the end. */
async function talk(running: RunningContainer) {
  const [ctl] = running.pipes as [ProgramPipe];
  const [said, { exit, stderr }] = await Promise.all([
    readPipe(ctl),
    readJob(running),
    ctl.write(Buffer.from('it\n')),
  ]);
  return { said, code: exit.exitCode, stderr: stderr.toString() };
}

async function readPipe({ output }: ProgramPipe): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of output) pieces.push(Uint8Array.from(bytes));
  return Buffer.concat(pieces).toString();
}

async function volumesOf(id: string): Promise<string[]> {
  const { Mounts: mounts } = await bench.docker.getContainer(id).inspect();
  return mounts.flatMap(({ Name }) => (Name === undefined ? [] : [Name]));
}

const volumes = async () =>
  new Set(((await bench.docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name));

test('the volume of the pipes goes with the container, whether it was started or not', async () => {
  const made: string[] = [];
  {
    await using container = await prepare(requestOf(echo));
    await using unstarted = await prepare(requestOf(echo));
    made.push(...(await volumesOf(container.id)), ...(await volumesOf(unstarted.id)));
    expect(await talk(await container.start())).toEqual({ said: 'got it\n', code: 0, stderr: '' });
  }

  const left = await volumes();
  expect(made).toHaveLength(2);
  expect(made.filter((name) => left.has(name))).toEqual([]);
});

test.each([
  ['the user that it asked for', { user: { uid: 1234, gid: 567 } }],
  ['the user of its image', { user: 'image' }],
] as const)('a program uses its pipes as %s', async (_, options) => {
  await using container = await prepare(requestOf(echo, { options }));

  expect(await talk(await container.start())).toEqual({ said: 'got it\n', code: 0, stderr: '' });
});

test('what the content has in the place of a pipe is removed', async () => {
  const name = 'run/stint/streams/ctl.in';
  const content = await tarGzOf([{ name, body: 'no pipe' }]);
  await using container = await prepare(requestOf(echo, { content }));

  expect(await talk(await container.start())).toEqual({ said: 'got it\n', code: 0, stderr: '' });
});

test('a program that puts something else in the place of a pipe gets nothing of this host, and the pipe is broken', async () => {
  const script = `rm ${place}.out; ln -s /etc/hostname ${place}.out; echo done; sleep 60`;
  const request = requestOf(script, { options: { user: { uid: 0, gid: 0 } } });
  await using container = await prepare(request);
  const started = await container.start();
  for await (const { bytes } of started.output) if (Buffer.from(bytes).includes('done')) break;

  await using adopted = await bench.backend.adopt({ ...request, pipes: ['ctl'] });
  const running = adopted?.resume({ stdout: 0, stderr: 0 });

  expect(running?.pipes.map(({ name }) => name)).toEqual(['ctl']);
  await expect(readPipe(running?.pipes[0] as ProgramPipe)).rejects.toThrow('could not be opened again');
});
