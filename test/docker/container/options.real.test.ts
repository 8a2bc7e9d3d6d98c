import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerOptions, Mount } from '../../../src/job/options/options.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
let bench: DockerBench;
let policy: typeof strictPolicy;
let root: string;

beforeAll(async () => {
  root = await mkdtemp('/var/tmp/stint-mounts-');
  await mkdir(join(root, 'ref/inner'), { recursive: true });
  await mkdir(join(root, 'private'));
  await mkdir(join(root, 'scratch'));
  await chmod(join(root, 'scratch'), 0o777); // Whatever the umask is.
  await writeFile(join(root, 'ref/inner/a'), 'from the node\n');
  await writeFile(join(root, 'private/key'), 'hidden\n');
  await symlink('../private', join(root, 'ref/out'));
  await symlink('inner', join(root, 'ref/in'));
  const mounts = [
    { kind: 'bind', source: join(root, 'ref'), readOnly: true },
    { kind: 'bind', source: join(root, 'scratch'), readOnly: false },
  ] as const;
  policy = { ...strictPolicy, mounts };
  bench = await openDockerBench(dockerHost);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const shell = async (script: string, options: ContainerOptions) => {
  const { stdout, stderr, exit } = await runJob(bench, { command: ['sh', '-c', script], options, policy });
  return { out: stdout.toString().trim(), err: stderr.toString(), code: exit.exitCode };
};
const bind = (path: string, target: string, readOnly = true): Mount => ({
  kind: 'bind',
  source: join(root, path),
  target,
  readOnly,
});

describe('a job', () => {
  test('runs as the user that it asked for, and that one can read its secrets', async () => {
    const user = { uid: 1234, gid: 567 };

    const { out } = await shell('id -u; id -g; cat /secrets.yml', { user });

    expect(out).toBe('1234\n567\nTOKEN: x');
  });

  test('runs as the user of its image where it asked for that', async () => {
    const { out } = await shell('id -u; id -g; cat /secrets.yml', { user: 'image' });

    expect(out).toBe('0\n0\nTOKEN: x');
  });

  test('has the limits that it asked for', async () => {
    const limits = { memoryBytes: 32 * 1024 * 1024, pids: 7, sharedMemoryBytes: 1024 * 1024 };
    const script =
      'df -k /dev/shm | tail -1 | tr -s " " | cut -d " " -f 2; for i in 1 2 3 4 5 6 7 8; do sleep 5 & done';

    const { out, err } = await shell(script, { limits });

    expect(out.split('\n')[0]).toBe('1024');
    expect(err).toMatch(/fork/);
  });

  test('sees what it mounts, over links that stay inside, and cannot write where it may only read', async () => {
    const mounts = [bind('ref', '/ref'), bind('ref/in', '/in'), bind('scratch', '/scratch', false)];
    const script = 'cat /ref/inner/a /in/a; echo mine > /scratch/b; touch /ref/x; echo $?';

    const { out, err } = await shell(script, { mounts });

    expect(out).toBe('from the node\nfrom the node\n1');
    expect(err).toContain('Read-only file system');
    expect(await readFile(join(root, 'scratch/b'), 'utf8')).toBe('mine\n');
    expect((await stat(join(root, 'scratch/b'))).uid).toBe(2001);
  });

  test.each([
    ['a link leads out of it', 'ref/out', 'mount_forbidden'],
    ['it is not there', 'ref/nonesuch', 'mount_missing'],
  ])('fails before its start when it mounts a path and %s; nothing is created', async (_, path, code) => {
    const before = await bench.containers();

    await expect(shell('true', { mounts: [bind(path, '/x')] })).rejects.toMatchObject({
      reason: 'start_failed',
      code,
    });
    expect(await bench.containers()).toEqual(before);
    await expect(stat(join(root, 'ref/nonesuch'))).rejects.toThrow('ENOENT');
  });

  test('fails, and its engine does not, when a port that it publishes is taken', async () => {
    const network = 'bridge';
    const request = containerRequest({
      jobId: 'b'.repeat(24),
      fence: 1,
      command: ['sleep', '60'],
      options: { network, ports: [{ container: 80, host: 0, loopbackOnly: false }] },
    });
    await using holder = await bench.backend.prepare(request, new AbortController().signal);
    await holder.deliver(Buffer.from('TOKEN: x'));
    const running = await holder.start();
    const [{ host } = { host: 0 }] = await running.ports();

    const late = shell('true', { network, ports: [{ container: 81, host, loopbackOnly: false }] });

    await expect(late).rejects.toMatchObject({ reason: 'start_failed', code: 'port_taken' });
  });
});

test('the engine tells where it published the ports of a running container, and nothing for one that has ended', async () => {
  const request = containerRequest({
    jobId: 'c'.repeat(24),
    fence: 1,
    command: ['sleep', '60'],
    options: {
      network: 'bridge',
      ports: [80, 81].map((container) => ({ container, host: 0, loopbackOnly: false })),
    },
  });
  await using container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x'));
  const running = await container.start();
  const ports = await running.ports();
  const { NetworkSettings } = await bench.docker.getContainer(container.id).inspect();
  const seen = [80, 81].map((port) => Number(NetworkSettings.Ports[`${port}/tcp`]?.[0]?.HostPort));

  expect(ports).toEqual([
    { container: 80, host: seen[0] },
    { container: 81, host: seen[1] },
  ]);
  expect(seen.every((host) => host > 1024)).toBe(true);
  await running.stop(0);
  expect(await running.ports()).toEqual([]);
});

test('the engine tells the CPU time of a running container, and nothing for one that has ended', async () => {
  const request = containerRequest({
    jobId: 'a'.repeat(24),
    fence: 1,
    command: ['sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; sleep 60'],
  });
  await using container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x'));
  const running = await container.start();
  for await (const { bytes } of running.output) if (Buffer.from(bytes).includes('done')) break;

  expect(await running.cpuTimeMs()).toBeGreaterThan(50);
  await running.stop(0);
  expect(await running.cpuTimeMs()).toBeUndefined();
});
