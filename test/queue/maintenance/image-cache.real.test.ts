import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, expect, test } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import { startEngine } from '../../../rig/engine/engine.js';
import { buildImage } from '../../../rig/engine/image.js';
import { startRegistry } from '../../../rig/engine/registry.js';
import { cleanImages, type ImageCacheParts } from '../../../src/queue/maintenance/image-cache.js';
import { PulledImages } from '../../../src/queue/maintenance/pulled-images.js';
import { containerRequest } from '../../support/container-request.js';
import { openTestDatabase } from '../../support/database.js';
import { openDockerBench, runJob } from '../../support/docker-bench.js';

// E9: only images that we pulled are ever removed, the least recently used first.

/** An engine of our own: the registry must be in its network, and images come and go here. */
const engine = await startEngine({ alwaysOwn: true, name: 'images' });
const docker = connectDocker(engine.dockerHost);
const registry = await startRegistry({ engine });
const database = await openTestDatabase();
const { store, sql } = database;
const log = { info: () => undefined, error: () => undefined };
const engineId = async () => (await bench.backend.engineState()).id;
const newPulledImages = () => new PulledImages({ store, engineId, log });
const pulledImages = newPulledImages();
const bench = await openDockerBench(engine.dockerHost, {
  pullRecorder: { pulled: (name) => pulledImages.pulled(name), used: (id) => pulledImages.used(id) },
});
afterAll(async () => {
  for (const each of [bench, database, registry, engine]) await each[Symbol.asyncDispose]();
});
afterEach(async () => {
  await sql`truncate pulled_images`;
});

/** Pushes an image with unique content and removes it from the engine. */
async function publish(name: string): Promise<{ reference: string; byDigest: string }> {
  const tag = `stint-test/local-${randomUUID()}:1`;
  await buildImage(docker, { tag, cmd: ['true'], files: { '/own': randomUUID() } });
  const pushed = await registry.push(docker, tag, name);
  await docker.getImage(pushed.reference).remove();
  await docker.getImage(tag).remove();
  return pushed;
}

async function idOf(reference: string): Promise<string | undefined> {
  return docker
    .getImage(reference)
    .inspect()
    .then(({ Id }) => Id)
    .catch(() => undefined);
}

async function pullByJob(name: string): Promise<{ reference: string; id: string }> {
  const { reference } = await publish(name);
  await runJob(bench, { image: reference });
  return { reference, id: (await idOf(reference)) ?? 'gone' };
}

function clean(limitBytes: number, changes: Partial<ImageCacheParts> = {}): Promise<string[]> {
  return cleanImages({ store, engine: engineOf(), limitBytes, node: 'node-1', log, ...changes });
}

async function ours(): Promise<string[]> {
  return (await store.listPulledImages(await engineId())).map(({ imageId }) => imageId);
}

/** As the list of the engine has it, which a clean-up counts: with a containerd store an inspect tells less. */
async function sizeOf(reference: string): Promise<number> {
  const listed = await docker.listImages({ filters: { reference: [reference] } });
  return listed[0]?.Size ?? Number.NaN;
}

test('E9: the clean-up of images removes the least recently used until the others fit, each with an event', async () => {
  const first = await pullByJob('lru/first:1');
  const second = await pullByJob('lru/second:1');
  const third = await pullByJob('lru/third:1');
  await newPulledImages().used(first.id);
  const one = await sizeOf(first.reference);

  expect(await ours()).toEqual([second.id, third.id, first.id]);
  expect(await clean(3 * one + 1000)).toEqual([]);
  expect(await clean(2 * one + 1000)).toEqual([second.id]);

  expect(await idOf(second.reference)).toBeUndefined();
  expect(await idOf(first.reference)).toBe(first.id);
  expect(await idOf(third.reference)).toBe(third.id);
  expect(await ours()).toEqual([third.id, first.id]);
  const events = await sql`select job_id, actor, detail from events where kind = 'image_removed'`;
  expect(events).toEqual([
    {
      job_id: null,
      actor: 'node:node-1',
      detail: {
        id: second.id,
        engine: await engineId(),
        references: [second.reference],
        size_bytes: expect.any(Number),
      },
    },
  ]);
});

test('the clean-up of images never removes an image that was there before, whatever we pulled since', async () => {
  const { reference } = await publish('foreign/there:1');
  const later = await publish('foreign/other:1');
  await new Promise((resolve, reject) => {
    docker.pull(reference, {}, (error, stream) =>
      error ? reject(error) : docker.modem.followProgress(stream as NodeJS.ReadableStream, resolve),
    );
  });
  const id = await idOf(reference);
  await runJob(bench, { image: reference, pullPolicy: 'Always' });
  await registry.push(docker, reference, 'foreign/second-name:1');
  await docker.getImage(`${registry.host}/foreign/second-name:1`).remove();
  await runJob(bench, { image: `${registry.host}/foreign/second-name:1` });
  await runJob(bench, { image: later.reference });

  const removed = await clean(0);

  expect(removed).toEqual([expect.not.stringMatching(id ?? '-')]);
  expect(await idOf(reference)).toBe(id);
  expect(await idOf('busybox:latest')).toBeDefined();
  await Promise.all(
    [reference, `${registry.host}/foreign/second-name:1`].map((name) => docker.getImage(name).remove()),
  );
});

test('the clean-up of images spares an image that a container is made of, running or not', async () => {
  const { reference, id } = await pullByJob('used/one:1');
  const name = `stint-test-${randomUUID()}`;
  const container = await docker.createContainer({ name, Image: reference, Cmd: ['true'] });

  expect(await clean(0)).toEqual([]);
  expect(await clean(0, { engine: { ...engineOf(), imagesInUse: async () => new Set() } })).toEqual([]);
  await container.remove();

  expect(await clean(0)).toEqual([id]);
});

test('the clean-up of images no longer owns an image that somebody else has named', async () => {
  const { reference, id } = await pullByJob('taken/one:1');
  await docker.getImage(reference).tag({ repo: 'stint-test/mine', tag: '1' });

  expect(await clean(0)).toEqual([]);

  expect(await idOf(reference)).toBe(id);
  expect(await ours()).toEqual([]);
  for (const name of [reference, 'stint-test/mine:1']) await docker.getImage(name).remove(); // At once, the engine fails.
});

test('the clean-up of images removes an image that was pulled by its digest, and one whose name moved on', async () => {
  const { byDigest } = await publish('moved/digest:1');
  await runJob(bench, { image: byDigest });
  const digestId = await idOf(byDigest);
  const old = await pullByJob('moved/tag:1');
  await publish('moved/tag:1'); // A newer one under the same name.
  await runJob(bench, { image: old.reference, pullPolicy: 'Always' });
  const newId = await idOf(old.reference);

  expect(newId).not.toBe(old.id);
  expect(await clean(0)).toEqual([digestId, old.id, newId]);
  for (const id of [digestId, old.id, newId]) expect(await idOf(id ?? '')).toBeUndefined();
});

test('the clean-up of images forgets an image that somebody else removed, and waits while the engine does not answer', async () => {
  const { reference } = await pullByJob('gone/one:1');
  await docker.getImage(reference).remove();
  const silentEngine = { engine: { ...engineOf(), id: async () => undefined } };

  expect(await clean(0, silentEngine)).toEqual([]);
  expect(await ours()).toHaveLength(1);
  expect(await clean(0)).toEqual([]);
  expect(await ours()).toEqual([]);
});

test('the clean-up of images does not keep a job from an image that went between its look-up and its use', async () => {
  const { reference, id } = await pullByJob('race/one:1');
  expect(await clean(0)).toEqual([id]);

  const request = containerRequest({ jobId: randomUUID(), fence: 1, image: reference, command: ['true'] });
  await using container = await bench.backend.prepare(request, new AbortController().signal);

  expect(container.imageId).toBe(id);
  expect(await ours()).toEqual([id]);
});
function engineOf(): ImageCacheParts['engine'] {
  return {
    id: engineId,
    listImages: () => bench.backend.listImages(),
    imagesInUse: () => bench.backend.imagesInUse(),
    removeImage: (image) => bench.backend.removeImage(image),
  };
}
