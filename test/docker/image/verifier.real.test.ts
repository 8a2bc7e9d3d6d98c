import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { buildImage } from '../../../rig/engine/image.js';
import { type PushedImage, startRegistry } from '../../../rig/engine/registry.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, readJob } from '../../support/docker-bench.js';

/** A separate engine: the registry must be in its network, and this test adds and removes images. */
const engine = await startEngine({ alwaysOwn: true, name: 'signed' });
const docker = connectDocker(engine.dockerHost);
const registry = await startRegistry({ engine });
const directory = await mkdtemp(join(tmpdir(), 'stint-signed-'));
const cosign = fileURLToPath(new URL('cosign.mjs', import.meta.url));
const ours = await makeKeys('ours');
const theirs = await makeKeys('theirs');
const program = join(directory, 'verifier');
let bench: DockerBench;

beforeAll(async () => {
  const [command, args] = inNetwork('verify', ours.publicKey);
  const words = [command, ...args].map((word) => `'${word}'`).join(' ');
  await writeFile(program, `#!/bin/sh\nexec ${words} "$1"\n`);
  await chmod(program, 0o755);
  bench = await openVerified(20_000);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function makeKeys(name: string): Promise<{ publicKey: string; privateKey: string }> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [publicKey, privateKey] = [join(directory, `${name}.pub`), join(directory, `${name}.key`)];
  await writeFile(publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(privateKey, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { publicKey, privateKey };
}

/** The registry is to be had in the engine's network only. */
function inNetwork(...args: string[]): [command: string, args: readonly string[]] {
  return engine.own?.inNetwork(process.execPath, [cosign, ...args]) ?? [process.execPath, [cosign, ...args]];
}

function sign(keyFile: string, image: string, signedDigest?: string): void {
  const more = signedDigest === undefined ? [] : [signedDigest];
  execFileSync(...inNetwork('sign', keyFile, image, ...more));
}

async function openVerified(timeoutMs: number): Promise<DockerBench> {
  const verifier = { program, timeoutMs };
  return await openDockerBench(engine.dockerHost, {
    docker: { host: engine.dockerHost, pullTimeoutMs: 20_000, verifier },
  });
}

async function publish(name: string, version = 'v1'): Promise<PushedImage & { digest: string }> {
  const tag = `stint-test/local-${randomUUID()}:1`;
  await buildImage(docker, { tag, cmd: ['echo', version] });
  const pushed = await registry.push(docker, tag, name);
  await docker.getImage(pushed.reference).remove();
  await docker.getImage(tag).remove();
  return { ...pushed, digest: pushed.byDigest.split('@')[1] ?? '' };
}

async function prepare(image: string, on = bench) {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, image, pullPolicy: 'Always' });
  return await on.backend.prepare(request, new AbortController().signal);
}

const unverified = { reason: 'image_unavailable', code: 'image_unverified' };

describe('S1: with a program that verifies cosign’s signatures, an image', () => {
  test('that is signed runs, by its tag and by its digest', async () => {
    const { reference, byDigest } = await publish('signed/one:1');
    sign(ours.privateKey, byDigest);

    for (const image of [reference, byDigest]) {
      await using container = await prepare(image);
      await container.deliver(Buffer.from('TOKEN: x\n'));
      expect((await readJob(await container.start())).stdout.toString().trim()).toBe('v1');
    }
  });

  test.each([
    ['is not signed', () => undefined],
    ['is signed with another key', ({ byDigest }: PushedImage) => sign(theirs.privateKey, byDigest)],
    [
      'has a signature of another image',
      ({ byDigest }: PushedImage) => sign(ours.privateKey, byDigest, `sha256:${'0'.repeat(64)}`),
    ],
  ])('that %s fails the job, and no container is left', async (_, act) => {
    const pushed = await publish('signed/two:1', randomUUID());
    act(pushed);

    await expect(prepare(pushed.reference)).rejects.toMatchObject(unverified);
    expect(await bench.containers()).toEqual([]);
  });

  test('whose tag is moved to one that is not signed: what was verified runs, and the next job fails', async () => {
    const { reference, byDigest } = await publish('signed/three:1');
    sign(ours.privateKey, byDigest);
    await using container = await prepare(reference);

    await publish('signed/three:1', 'v2');

    await container.deliver(Buffer.from('TOKEN: x\n'));
    expect((await readJob(await container.start())).stdout.toString().trim()).toBe('v1');
    await expect(prepare(reference)).rejects.toMatchObject(unverified);
  });

  test('fails the job while the registry with the signatures does not answer', async () => {
    const { reference, byDigest } = await publish('signed/four:1');
    sign(ours.privateKey, byDigest);
    await using impatient = await openVerified(500);
    const request = containerRequest({ jobId: randomUUID(), fence: 1, image: reference });
    await using first = await prepare(reference);
    expect(first.imageDigest).toBe(byDigest.split('@')[1]);
    registry.suspend();
    try {
      const preparing = impatient.backend.prepare(request, new AbortController().signal);

      await expect(preparing).rejects.toMatchObject(unverified);
    } finally {
      registry.resume();
    }
  });

  test('that no registry has fails the job', async () => {
    const tag = `stint-test/local-${randomUUID()}:1`;
    await buildImage(docker, { tag, cmd: ['true'] });
    const request = containerRequest({ jobId: randomUUID(), fence: 1, image: tag, pullPolicy: 'Never' });

    await expect(bench.backend.prepare(request, new AbortController().signal)).rejects.toMatchObject(
      unverified,
    );
    await docker.getImage(tag).remove();
  });
});
