import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { buildImage } from '../../../rig/engine/image.js';
import { type PushedImage, REGISTRY_LOGIN, startRegistry } from '../../../rig/engine/registry.js';
import type { RegistryLogin } from '../../../src/executor/backend.js';
import type { PullPolicy } from '../../../src/job/job.js';
import { Secret } from '../../../src/job/secret.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench } from '../../support/docker-bench.js';

/** A separate engine: the registry must be in its network, and this test adds and removes images. */
const engine = await startEngine({ alwaysOwn: true, name: 'private' });
const docker = connectDocker(engine.dockerHost);
const registry = await startRegistry({ engine, closed: true });
const login: RegistryLogin = {
  registry: registry.host,
  username: REGISTRY_LOGIN.username,
  password: new Secret(REGISTRY_LOGIN.password),
  identityToken: undefined,
};
const wrongLogin = { ...login, password: new Secret('wrong') };
let bench: DockerBench;

beforeAll(async () => {
  bench = await openDockerBench(engine.dockerHost);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

/** Of which the engine has nothing any more. */
async function publish(name: string): Promise<PushedImage> {
  const tag = `stint-test/local-${randomUUID()}:1`;
  await buildImage(docker, { tag, cmd: ['echo', name] });
  const pushed = await registry.push(docker, tag, name);
  await docker.getImage(pushed.reference).remove();
  await docker.getImage(tag).remove();
  return pushed;
}

async function prepare(image: string, given?: RegistryLogin, pullPolicy: PullPolicy = 'IfNotPresent') {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, image, pullPolicy });
  await using container = await bench.backend.prepare(request, new AbortController().signal, given);
  return container.imageDigest;
}

const denied = { reason: 'image_unavailable', code: 'image_access_denied' };

describe('an image of a registry with a login', () => {
  test('is pulled with that of the job, by its tag and by its digest, and with no other', async () => {
    const { reference, byDigest } = await publish('tools/one:1');

    for (const image of [reference, byDigest]) {
      await expect(prepare(image)).rejects.toMatchObject(denied);
      await expect(prepare(image, wrongLogin)).rejects.toMatchObject(denied);
      expect(await prepare(image, login)).toBe(byDigest.split('@')[1]);
    }
  });

  test('runs without that login for nobody else, however it is named, though the engine has it', async () => {
    const { reference, byDigest } = await publish('tools/two:1');
    await prepare(reference, login);
    const { Id: id } = await docker.getImage(byDigest).inspect();

    for (const policy of ['IfNotPresent', 'Always', 'Never'] as const) {
      await expect(prepare(id, undefined, policy)).rejects.toMatchObject(denied);
      for (const image of [byDigest, `${reference}@${byDigest.split('@')[1]}`]) {
        await expect(prepare(image, undefined, policy)).rejects.toMatchObject(denied);
        await expect(prepare(image, wrongLogin, policy)).rejects.toMatchObject(denied);
      }
      await expect(prepare(reference, wrongLogin, policy)).rejects.toMatchObject(denied);
    }
    await expect(prepare(reference)).rejects.toMatchObject(denied);
    await expect(prepare(reference, undefined, 'Never')).rejects.toMatchObject({ code: 'image_missing' });
    expect(await prepare(byDigest, login, 'Never')).toBe(byDigest.split('@')[1]);
    expect(await bench.containers()).toEqual([]);
  });

  test('leads no tag of the engine elsewhere', async () => {
    const { reference } = await publish('tools/three:1');

    await prepare(reference, login);

    await expect(docker.getImage(reference).inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  test('that it does not have is told as such', async () => {
    await expect(prepare(`${registry.host}/tools/none:1`, login)).rejects.toMatchObject({
      code: 'image_not_found',
    });
  });
});

test('a registry that hangs while it is asked takes the time of a pull, and no more', async () => {
  const impatience = { host: engine.dockerHost, pullTimeoutMs: 300 };
  await using impatient = await openDockerBench(engine.dockerHost, { docker: impatience });
  const request = containerRequest({ jobId: randomUUID(), fence: 1, image: `${registry.host}/tools/one:1` });
  registry.suspend();
  try {
    const preparing = impatient.backend.prepare(request, new AbortController().signal, login);

    await expect(preparing).rejects.toMatchObject({ reason: 'image_unavailable', code: 'pull_timed_out' });
  } finally {
    registry.resume();
  }
});
