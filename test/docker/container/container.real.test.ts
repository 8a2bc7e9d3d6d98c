import { createHash, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { tarGzOf } from '../../support/archives.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, readJob, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
let bench: DockerBench;

beforeAll(async () => {
  bench = await openDockerBench(dockerHost);
});

afterAll(() => bench[Symbol.asyncDispose]());

function shell(script: string): { command: string[] } {
  return { command: ['sh', '-c', script] };
}

async function outputOf(script: string, more: Parameters<typeof runJob>[1] = {}): Promise<string> {
  return (await runJob(bench, { ...shell(script), ...more })).stdout.toString();
}

describe('what a job is', () => {
  test('user 2001 with a name, a home in /tmp and no rights', async () => {
    const text = await outputOf('id; echo $HOME; grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status');

    expect(text).toBe(
      'uid=2001(gostint) gid=2001 groups=2001\n/tmp\n' +
        'CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n',
    );
  });

  test('what its request says: entrypoint, command, directory and environment', async () => {
    const request = {
      entrypoint: ['sh', '-c'],
      command: ['pwd; echo "$COLOR"'],
      workingDirectory: '/var/spool',
      env: ['COLOR=dark $blue'],
    };

    const { stdout } = await runJob(bench, request);

    expect(stdout.toString()).toBe('/var/spool\ndark $blue\n');
  });

  test('without a right to become root by a set-uid program of its image', async () => {
    const su = { content: await readFile('/bin/busybox'), mode: 0o4755 };
    await buildImage(bench.docker, { tag: 'stint-test/setuid:1', files: { '/bin/become': su } });

    const text = await outputOf('/bin/become id -u 2>&1; id -u', { image: 'stint-test/setuid:1' });

    expect(text.trim().split('\n').at(-1)).toBe('2001');
    expect(text).not.toMatch(/^0$/m);
  });

  test('limited in memory, processes and CPU', async () => {
    await using container = await prepare({});
    const { HostConfig: host } = await inspect(container.id);

    expect(host).toMatchObject({
      Memory: 64 * 1024 * 1024,
      MemorySwap: 64 * 1024 * 1024,
      PidsLimit: 64,
      NanoCpus: 1e9,
      NetworkMode: 'none',
      Init: true,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      AutoRemove: false,
    });
  });
});

async function prepare(more: Parameters<typeof runJob>[1]) {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, ...more });
  return await bench.backend.prepare(request, new AbortController().signal);
}

async function inspect(id: string) {
  return await bench.docker.getContainer(id).inspect();
}

describe('what is read out of an image', () => {
  test('is its list of users, also where that is a link: the image keeps its users, the job gets its own', async () => {
    const tag = 'stint-test/linked-users:1';
    const users = 'root:x:0:0::/root:/bin/sh\nnix:x:30000:30000::/var/empty:/bin/sh\n';
    const files = {
      '/etc/passwd': { target: '../nix/store/users/passwd' },
      '/nix/store/users/passwd': users,
    };
    await buildImage(bench.docker, { tag, files });

    expect(await outputOf('cat /etc/passwd; id -un', { image: tag })).toBe(
      `${users}gostint:x:2001:2001:gostint:/tmp:/bin/sh\ngostint\n`,
    );
  });

  test.each([
    [
      'a link round in a circle',
      { '/gostint_image.yml': { target: 'b' }, '/b': { target: 'gostint_image.yml' } },
    ],
    ['a link that leads nowhere', { '/gostint_image.yml': { target: 'srv/nowhere' } }],
    ['a directory', { '/gostint_image.yml/a': 'x' }],
  ])('fails the job before anything is spent where its metadata are %s', async (what, files) => {
    const tag = `stint-test/unreadable:${what.replaceAll(' ', '-')}`;
    await buildImage(bench.docker, { tag, files });

    await expect(prepare({ image: tag })).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_unusable',
    });
    expect(await bench.containers()).toEqual([]);
  });
});

describe('how a job ends', () => {
  test('by its code', async () => {
    const { exit } = await runJob(bench, shell('exit 3'));

    expect(exit).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
  });

  test('with 126 for what cannot be executed', async () => {
    await expect(runJob(bench, { command: ['/etc/passwd'] })).rejects.toMatchObject({
      reason: 'start_failed',
      code: 'command_not_executable',
      exitCode: 126,
    });
  });

  test('killed for its memory, and it says so', async () => {
    const { exit } = await runJob(bench, shell('exec tail /dev/zero'));

    expect(exit).toEqual({ exitCode: 137, outOfMemory: true, proven: true });
  });

  test('by a kill through its engine, reported at once', async () => {
    await using container = await prepare(shell('sleep 60'));
    await container.deliver(Buffer.from('x'));
    const running = await container.start();
    await bench.docker.getContainer(container.id).kill();

    const startedAt = performance.now();
    expect(await running.wait()).toEqual({ exitCode: 137, outOfMemory: false, proven: true });
    expect(performance.now() - startedAt).toBeLessThan(1_500); // A busy machine, not a wait for evidence.
  });

  test('without a start when neither job nor image names a command', async () => {
    await buildImage(bench.docker, {
      tag: 'stint-test/silent:1',
      empty: true,
      cmd: [],
      files: { '/a': 'a' },
    });

    await expect(runJob(bench, { image: 'stint-test/silent:1' })).rejects.toMatchObject({
      reason: 'start_failed',
      code: 'no_command',
    });
    expect(await bench.containers()).toEqual([]);
  });

  test('without a start where its directory is a file', async () => {
    const running = runJob(bench, { ...shell('true'), workingDirectory: '/etc/passwd' });

    await expect(running).rejects.toMatchObject({ reason: 'start_failed', code: 'directory_unusable' });
    expect(await bench.containers()).toEqual([]);
  });
});

describe('what a job prints', () => {
  test('arrives byte for byte on both streams', async () => {
    const { stdout, stderr } = await runJob(
      bench,
      shell('head -c 3000000 /dev/urandom | tee /tmp/a; sha256sum < /tmp/a >&2'),
    );

    expect(stdout.byteLength).toBe(3_000_000);
    expect(stderr.toString()).toContain(createHash('sha256').update(stdout).digest('hex'));
  });

  test('keeps a last line without its end, and lines longer than the log keeps whole', async () => {
    const { stdout } = await runJob(bench, shell('head -c 40000 /dev/zero | tr "\\0" x; echo; printf tail'));

    expect(stdout.toString()).toBe(`${'x'.repeat(40_000)}\ntail`);
  });

  test('through a terminal is one stream', async () => {
    const { stdout, stderr } = await runJob(bench, {
      ...shell('test -t 1 && echo terminal; echo other >&2'),
      tty: true,
    });

    expect(stdout.toString()).toBe('terminal\r\nother\r\n');
    expect(stderr.byteLength).toBe(0);
  });
});

describe("a job's content", () => {
  test('is laid over the root and belongs to the job', async () => {
    const content = await tarGzOf([
      { name: './gostint.yml', body: 'container_image: x\n' },
      { name: './opt/demo/', type: 'directory', mode: 0o755 },
      { name: './opt/demo/run.sh', body: '#!/bin/sh\necho ran\n', mode: 0o755, uid: 0 },
      { name: './opt/demo/link', type: 'symlink', linkname: './run.sh' },
    ]);

    const text = await outputOf(
      '/opt/demo/link; stat -c "%a %u:%g" /opt/demo/run.sh /opt/demo; ls /gostint.yml; stat -c "%u" /bin',
      { content },
    );

    expect(text).toBe('ran\n755 2001:2001\n755 2001:2001\n/gostint.yml\n0\n');
  });

  test('loses its special rights on the way', async () => {
    const content = await tarGzOf([{ name: 'opt/tool', body: 'x', mode: 0o6755 }]);

    expect(await outputOf('stat -c %a /opt/tool', { content })).toBe('755\n');
  });

  test('cannot contain its own user list', async () => {
    const content = await tarGzOf([{ name: 'etc/passwd', body: 'root::2001:2001::/:/bin/sh\n' }]);

    expect(await outputOf('head -n 1 /etc/passwd; id -un', { content })).toBe(
      'root:x:0:0:root:/root:/bin/sh\ngostint\n',
    );
  });

  test('that conflicts with its image fails the job and leaves nothing', async () => {
    const content = await tarGzOf([{ name: 'bin/busybox/tool', body: 'x' }]);

    await expect(runJob(bench, { content })).rejects.toMatchObject({
      reason: 'content_refused',
      code: 'content_clash',
    });
    expect(await bench.containers()).toEqual([]);
    expect(await bench.hostFiles()).toEqual([]);
  });

  test.each([
    ['a name with `..`', { name: 'a/../../etc/cron' }],
    ['a link to an absolute path', { name: 'a', type: 'symlink' as const, linkname: '/etc' }],
    ['a link that leads out', { name: 'a/b', type: 'symlink' as const, linkname: '../../etc' }],
    ['a link to the secrets', { name: 'a', type: 'symlink' as const, linkname: 'secrets.yml' }],
    ['a hard link', { name: 'a', type: 'link' as const, linkname: 'etc/shadow' }],
    ['a device', { name: 'a', type: 'character-device' as const, devmajor: 1, devminor: 3 }],
    ['a FIFO', { name: 'a', type: 'fifo' as const }],
    ['the place of the secrets', { name: 'secrets.yml', body: 'TOKEN: mine' }],
  ])('that holds %s never reaches the engine', async (_, item) => {
    const content = await tarGzOf([{ name: 'good', body: 'x' }, item]);

    const failing = runJob(bench, { content });

    await expect(failing).rejects.toMatchObject({
      reason: 'content_refused',
      code: 'content_entries_refused',
    });
    await expect(failing).rejects.toThrow(JSON.stringify(item.name));
    expect(await bench.containers()).toEqual([]);
    expect(await bench.hostFiles()).toEqual([]);
  });

  test('that unpacks to far more than it is never reaches the engine', async () => {
    const content = await tarGzOf([{ name: 'zeros', body: Buffer.alloc(20 * 1024 * 1024) }]);

    await expect(runJob(bench, { content })).rejects.toMatchObject({ code: 'content_too_large' });
    expect(await bench.containers()).toEqual([]);
  });
});

describe("a job's secrets", () => {
  const secrets = 'TOKEN: CANARY-4711\n';

  test('are a file that only the job may read, and that cannot be written', async () => {
    const script =
      'stat -c "%a %u:%g" /secrets.yml; cat /secrets.yml; echo x 2>&1 >> /secrets.yml || echo refused';
    const { stdout } = await runJob(bench, shell(script), secrets);

    expect(stdout.toString()).toMatch(/^400 2001:2001\nTOKEN: CANARY-4711\n(.*\n)*refused\n$/);
  });

  test('are at the path that the request sets', async () => {
    const { stdout } = await runJob(
      bench,
      { ...shell('cat /secrets.json'), secretsPath: '/secrets.json' },
      '{}',
    );

    expect(stdout.toString()).toBe('{}');
  });

  test('are nowhere in the inspection of the container', async () => {
    await using container = await prepare(shell('cat /secrets.yml; sleep 60'));
    await container.deliver(Buffer.from(secrets));
    const running = await container.start();

    const inspected = JSON.stringify(await inspect(container.id));

    expect(inspected).toContain('/secrets.yml');
    expect(inspected).not.toContain('CANARY');
    await running.stop(0);
  });

  test('are gone from this host as soon as the job has started, and the job keeps them', async () => {
    await using container = await prepare(shell('sleep 0.2; cat /secrets.yml'));
    expect(await bench.hostFiles()).toHaveLength(2);
    await container.deliver(Buffer.from(secrets));

    const running = await container.start();
    const files = await bench.hostFiles();

    expect(files).toEqual([]);
    expect((await readJob(running)).stdout.toString()).toBe(secrets);
  });

  test('never touch a disk: their file is in memory', async () => {
    await using container = await prepare({});
    await container.deliver(Buffer.from(secrets));

    const [mount] = (await inspect(container.id)).Mounts.filter(
      ({ Destination }) => Destination === '/secrets.yml',
    );

    expect(mount).toMatchObject({ Type: 'bind', RW: false, Source: expect.stringMatching(/^\/dev\/shm\//) });
    expect(bench.failures).toEqual([]);
  });
});

test('a volume of the image is removed with its container', async () => {
  await buildImage(bench.docker, { tag: 'stint-test/volume:1', volumes: ['/data'] });
  const before = (await bench.docker.listVolumes()).Volumes.length;

  await runJob(bench, { ...shell('ls /data'), image: 'stint-test/volume:1' });

  expect((await bench.docker.listVolumes()).Volumes).toHaveLength(before);
});

test('the CA certificate of Vault is in every container', async () => {
  const caCertificatePath = join(bench.options.secretsDirectory, 'ca.pem');
  await writeFile(caCertificatePath, 'AUTHORITY\n', { mode: 0o644 });
  await using other = await openDockerBench(dockerHost, { caCertificatePath });

  const { stdout } = await runJob(other, shell(`cat ${caCertificatePath}`));

  expect(stdout.toString()).toBe('AUTHORITY\n');
});
