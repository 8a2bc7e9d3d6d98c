import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { buildImage } from '../../../rig/engine/image.js';
import { type PushedImage, type Registry, startRegistry } from '../../../rig/engine/registry.js';
import { type Part, startPart, until } from '../../../rig/process.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, readJob, runJob } from '../../support/docker-bench.js';

/** A separate engine: the registry must be in its network, and this test adds and removes images. */
const engine = await startEngine({ alwaysOwn: true, name: 'pulls' });
const docker = connectDocker(engine.dockerHost);
const registry = await startRegistry({ engine });
let bench: DockerBench;

beforeAll(async () => {
  bench = await openDockerBench(engine.dockerHost);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

/** Pushes an image that prints its version and takes it from the engine. */
async function publish(from: Registry, name: string, version: string): Promise<PushedImage> {
  const tag = `stint-test/local-${randomUUID()}:1`;
  await buildImage(docker, { tag, cmd: ['echo', version] });
  const pushed = await from.push(docker, tag, name);
  await docker.getImage(pushed.reference).remove();
  await docker.getImage(tag).remove();
  return pushed;
}

async function versionOf(image: string, pullPolicy: 'Always' | 'IfNotPresent' | 'Never'): Promise<string> {
  return (await runJob(bench, { image, pullPolicy })).stdout.toString().trim();
}

async function prepare(image: string, signal = new AbortController().signal) {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, image, pullPolicy: 'Always' });
  return await bench.backend.prepare(request, signal);
}

describe('an image that only a registry has', () => {
  test('is pulled where the policy allows it, and found the next time', async () => {
    const { reference } = await publish(registry, 'tools/one:1', 'v1');

    expect(await versionOf(reference, 'IfNotPresent')).toBe('v1');
    expect(await versionOf(reference, 'Never')).toBe('v1');
  });

  test('is not pulled with `Never`', async () => {
    const { reference } = await publish(registry, 'tools/never:1', 'v1');

    await expect(versionOf(reference, 'Never')).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_missing',
    });
  });

  test('is pulled anew with `Always` and only then', async () => {
    const { reference } = await publish(registry, 'tools/moving:1', 'v1');
    expect(await versionOf(reference, 'Always')).toBe('v1');
    const tag = 'stint-test/newer:1';
    await buildImage(docker, { tag, cmd: ['echo', 'v2'] });
    const older = (await docker.getImage(reference).inspect()).Id;
    await registry.push(docker, tag, 'tools/moving:1');
    await docker.getImage(older).tag({ repo: `${registry.host}/tools/moving`, tag: '1' });

    expect(await versionOf(reference, 'IfNotPresent')).toBe('v1');
    expect(await versionOf(reference, 'Always')).toBe('v2');
  });

  test('is pulled by its digest', async () => {
    const { byDigest } = await publish(registry, 'tools/digest:1', 'v1');

    expect(await versionOf(byDigest, 'IfNotPresent')).toBe('v1');
  });

  test('S1: is named by its digest, and runs as it was prepared where its tag is moved before the start', async () => {
    const { reference, byDigest } = await publish(registry, 'tools/checked:1', 'v1');
    await using container = await prepare(reference);
    expect(container.imageDigest).toBe(byDigest.split('@')[1]);

    const tag = `stint-test/moved-${randomUUID()}:1`;
    await buildImage(docker, { tag, cmd: ['echo', 'v2'] });
    await registry.push(docker, tag, 'tools/checked:1');

    await container.deliver(Buffer.from('TOKEN: x\n'));
    expect((await readJob(await container.start())).stdout.toString().trim()).toBe('v1');
  });

  test('is pulled once for many jobs', async () => {
    const { reference } = await publish(registry, 'tools/shared:1', 'v1');

    const versions = await Promise.all([1, 2, 3].map(() => versionOf(reference, 'IfNotPresent')));

    expect(versions).toEqual(['v1', 'v1', 'v1']);
  });
});

describe('an image that is not available', () => {
  test.each([
    [
      'whose tag is missing',
      () => `${registry.host}/tools/gone:none`,
      'image_not_found',
      /has no such image/,
    ],
    [
      'whose digest is wrong',
      () => `${registry.host}/tools/gone@sha256:${'0'.repeat(64)}`,
      'image_not_found',
      /has no such image/,
    ],
    [
      'whose registry is not there',
      () => '127.0.0.1:1/tools/x:1',
      'registry_unreachable',
      /cannot be reached/,
    ],
    [
      'whose registry has no address',
      () => 'nonesuch.invalid/x:1',
      'registry_unreachable',
      /cannot be reached/,
    ],
    ['whose name is none', () => 'UPPER/Case:1', 'image_reference_invalid', /"UPPER\/Case:1"/],
  ])('%s fails the job and says why', async (_, image, code, message) => {
    const failing = versionOf(image(), 'IfNotPresent');

    await expect(failing).rejects.toMatchObject({ reason: 'image_unavailable', code });
    await expect(failing).rejects.toThrow(message);
    expect(await bench.containers()).toEqual([]);
  });

  test('whose registry wants a login fails the job and says so', async () => {
    await using closed = await startRegistry({ engine, closed: true });
    const { reference } = await publish(closed, 'tools/private:1', 'v1');

    await expect(versionOf(reference, 'IfNotPresent')).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_access_denied',
    });
  });
});

describe('a registry that is none, or does not want to', () => {
  let host = '';
  let strange: Part;

  beforeAll(async () => {
    const script = fileURLToPath(new URL('strange-registry.mjs', import.meta.url));
    const [command, args] = engine.own?.inNetwork(process.execPath, [script]) ?? ['node', [script]];
    const logFile = join(tmpdir(), `stint-strange-${process.pid}.log`);
    strange = await startPart(command, args, { logFile, deathSignal: 'TERM' });
    const find = () => /listening on (\S+)/.exec(strange.logTail())?.[1];
    await until(() => find() !== undefined, { limitMs: 20_000, what: 'the strange registry' });
    host = find() ?? '';
    await rm(logFile);
  });

  afterAll(async () => {
    strange.signal('SIGKILL');
    await strange.gone(10_000);
  });

  test.each([
    ['s401', 'image_access_denied'],
    ['s403', 'image_access_denied'],
    ['s404', 'image_not_found'],
    ['s404denied', 'image_not_found'],
    ['s429', 'pull_rate_limited'],
    ['s503', 'registry_unreachable'],
    ['s404full', 'image_not_found'],
    ['s400full', 'pull_failed'],
    ['page', 'pull_failed'],
  ])('and answers %s fails the job with %s, each time, and leaves nothing', async (name, code) => {
    const image = `${host}/${name}:unauthorized`;

    for (const policy of ['IfNotPresent', 'IfNotPresent', 'Always'] as const)
      await expect(versionOf(image, policy)).rejects.toMatchObject({ reason: 'image_unavailable', code });

    await expect(docker.getImage(image).inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect(await bench.containers()).toEqual([]);
  });
});

describe('a pull that hangs', () => {
  test('is ended by the signal, with its reason', async () => {
    const { reference } = await publish(registry, 'tools/slow:1', 'v1');
    const stop = new AbortController();
    registry.suspend();
    try {
      const preparing = prepare(reference, stop.signal);
      setTimeout(() => stop.abort(new Error('killed')), 200);

      await expect(preparing).rejects.toThrow('killed');
    } finally {
      registry.resume();
    }
    expect(await bench.containers()).toEqual([]);
    await vi.waitFor(async () => expect(await versionOf(reference, 'Always')).toBe('v1'), 10_000);
  });

  test('is ended by its time limit', async () => {
    const { reference } = await publish(registry, 'tools/stuck:1', 'v1');
    const impatience = { host: engine.dockerHost, pullTimeoutMs: 300 };
    await using impatient = await openDockerBench(engine.dockerHost, { docker: impatience });
    registry.suspend();
    try {
      await expect(runJob(impatient, { image: reference })).rejects.toMatchObject({
        reason: 'image_unavailable',
        code: 'pull_timed_out',
      });
    } finally {
      registry.resume();
    }
  });
});
