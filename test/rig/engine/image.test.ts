import { afterAll, expect, test } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { buildImage, ensureImage } from '../../../rig/engine/image.js';
import { REGISTRY_LOGIN, startRegistry } from '../../../rig/engine/registry.js';

const engine = await startEngine({ alwaysOwn: true });
const docker = connectDocker(engine.dockerHost);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function runForOutput(image: string): Promise<string> {
  const container = await docker.createContainer({ Image: image, Tty: true });
  await container.start();
  await container.wait();
  return String(await container.logs({ stdout: true, stderr: true }));
}

async function pull(reference: string, authconfig: object = {}): Promise<void> {
  const progress = await docker.pull(reference, { authconfig });
  await new Promise((resolve) => docker.modem.followProgress(progress, resolve));
}

test('an image that exists nowhere is built, and is present the next time', async () => {
  const first = await ensureImage(docker, 'stint-test/made:1');
  const second = await ensureImage(docker, 'stint-test/made:1');

  expect(first.origin).toBe('made');
  expect(second.origin).toBe('present');
});

test('an image with a given digest cannot be built', async () => {
  const name = `busybox@sha256:${'0'.repeat(64)}`;

  await expect(ensureImage(docker, name)).rejects.toThrow('a digest cannot be chosen');
});

test('a built image has its files, settings and labels, including unusual ones', async () => {
  const label = 'a "quoted" $value\\';

  await buildImage(docker, {
    tag: 'stint-test/settings:1',
    files: {
      '/gostint_image.yml': 'env_vars: []\n',
      '/opt/tool': { content: '#!/bin/sh\nid -u; echo "$COLOR"; pwd\n', mode: 0o755, uid: 7 },
    },
    labels: { 'stint.job': label },
    env: { COLOR: 'dark $blue' },
    user: '2001:2001',
    workdir: '/tmp',
    volumes: ['/data'],
    cmd: ['/opt/tool'],
  });

  const { Config } = await docker.getImage('stint-test/settings:1').inspect();
  expect(Config.Labels).toEqual({ 'stint.job': label });
  expect(Config.Volumes).toEqual({ '/data': {} });
  expect(await runForOutput('stint-test/settings:1')).toBe('2001\r\ndark $blue\r\n/tmp\r\n');
});

test('an empty image has no command to run', async () => {
  await buildImage(docker, { tag: 'stint-test/empty:1', empty: true, files: { '/note': 'nothing here' } });

  const container = await docker.createContainer({ Image: 'stint-test/empty:1' });

  await expect(container.start()).rejects.toThrow(/executable file not found/);
});

test('a pushed image can be removed, pulled by its digest and run', async () => {
  await using registry = await startRegistry({ engine });
  await buildImage(docker, { tag: 'stint-test/pushed:1', cmd: ['echo', 'pulled'] });

  const { reference, byDigest } = await registry.push(docker, 'stint-test/pushed:1', 'tools/echo:1');
  await docker.getImage('stint-test/pushed:1').remove();
  await docker.getImage(reference).remove();
  await pull(byDigest);

  expect(await runForOutput(byDigest)).toBe('pulled\r\n');
});

test('an image that only a registry has is pulled', async () => {
  await using registry = await startRegistry({ engine });
  await buildImage(docker, { tag: 'stint-test/remote:1' });
  const { reference } = await registry.push(docker, 'stint-test/remote:1', 'tools/remote:1');
  await docker.getImage(reference).remove();

  const image = await ensureImage(docker, reference);

  expect(image.origin).toBe('pulled');
});

test('a closed registry requires its login', async () => {
  await using registry = await startRegistry({ engine, closed: true });
  await buildImage(docker, { tag: 'stint-test/closed:1' });
  const { reference } = await registry.push(docker, 'stint-test/closed:1', 'tools/closed:1');

  await expect(pull(reference)).rejects.toThrow(/no basic auth credentials/);
  await pull(reference, { ...REGISTRY_LOGIN, serveraddress: registry.host });
});

test('a suspended registry makes a pull hang until it is resumed', async () => {
  await using registry = await startRegistry({ engine });
  await buildImage(docker, { tag: 'stint-test/slow:1' });
  const { reference } = await registry.push(docker, 'stint-test/slow:1', 'tools/slow:1');

  registry.suspend();
  const abortSignal = AbortSignal.timeout(300);
  const hanging = docker.pull(reference, { abortSignal });

  await expect(hanging).rejects.toThrow(/abort/i);
  registry.resume();
  await pull(reference);
});
