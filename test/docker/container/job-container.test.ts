import { Readable } from 'node:stream';
import pLimit, { type LimitFunction } from 'p-limit';
import { describe, expect, test } from 'vitest';
import { jobTag, tagLabel } from '../../../src/docker/container/container.js';
import { JobContainer } from '../../../src/docker/container/job-container.js';
import type { ContainerFacts, Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { containerRequest } from '../../support/container-request.js';
import { fired } from '../../support/fake-container.js';
import { containerFacts, fakeEngine, foundImage } from '../../support/fake-engine.js';

/** A container on an engine where everything succeeds except what is given. Records the calls in order. */
function containerOn(given: Partial<Engine> = {}, starts = pLimit(1)) {
  const calls: string[] = [];
  const note =
    <T>(call: string, result?: T) =>
    async () => {
      calls.push(call);
      return result as T;
    };
  const engine = fakeEngine({
    create: note('create', 'c1'),
    attach: note('attach', Readable.from([])),
    start: note('start'),
    wait: async () => undefined,
    findContainer: async () => containerFacts(),
    remove: note('remove'),
    ...given,
  });
  const delivery = {
    files: [],
    mounts: [],
    uploadContent: note<void>('content'),
    fill: note<void>('secrets'),
    release: note<void>('release'),
  };
  const parts = {
    engine,
    settings,
    delivery,
    imageId: 'sha256:1',
    imageMetadata: undefined,
    imageDigest: undefined,
    imageConfig: foundImage('sha256:1').config,
    openImage: () => Promise.reject(new Error('Expected no look at the image.')),
    init: true,
    sandbox: undefined,
    sandboxes: { refill: () => undefined },
    starts,
  };
  const container = new JobContainer(
    { ...parts, retryForMs: 1_000, onFailure: () => undefined },
    containerRequest({ jobId: 'job-1', fence: 1 }),
  );
  return { container, calls };
}

async function startOn(given: Partial<Engine>, starts?: LimitFunction) {
  const { container, calls } = containerOn(given, starts);
  await container.prepare(new AbortController().signal);
  await container.deliver(Buffer.from('x'));
  const starting = container.start();
  return { container, calls, starting };
}

/** Fails the request, and counts the tries. */
function failing(error: Error) {
  let times = 0;
  const call = async () => {
    times++;
    throw error;
  };
  return { call, times: () => times };
}

describe('a container of a job', () => {
  test('uploads content before the secrets, attaches before the start, and releases the files after it', async () => {
    const { container, calls, starting } = await startOn({});
    await starting;

    await container[Symbol.asyncDispose]();

    expect(calls).toEqual([
      'create',
      'content',
      'secrets',
      'attach',
      'start',
      'release',
      'release',
      'remove',
    ]);
  });

  test('is not started twice because an answer was lost: the engine is asked whether it has started', async () => {
    const start = failing(new EngineError('start', 'cut', ''));
    const { container, starting } = await startOn({ start: start.call });

    await expect(starting).resolves.toBeDefined();
    expect(start.times()).toBe(1);
    await container[Symbol.asyncDispose]();
  });

  test.each<[string, () => Promise<ContainerFacts | undefined>]>([
    ['has not started', async () => containerFacts({ startedAt: undefined, status: 'created' })],
    ['is not known', async () => undefined],
    ['cannot be asked after', async () => Promise.reject(new EngineError('inspect', 'cut', ''))],
  ])('is not taken for started where it %s', async (_, findContainer) => {
    const start = failing(new EngineError('start', 'timed_out', ''));
    const { container, starting } = await startOn({ start: start.call, findContainer });

    await expect(starting).rejects.toMatchObject({ fault: 'timed_out' });
    expect(start.times()).toBe(1);
    await container[Symbol.asyncDispose]();
  });

  test('waits for its turn to start', async () => {
    const starts = pLimit(1);
    const go = new AbortController();
    const first = await startOn({ start: () => fired(go.signal) }, starts);
    const second = await startOn({}, starts);

    await expect.poll(() => second.calls).toContain('attach');
    expect(second.calls).not.toContain('start');
    go.abort();

    await Promise.all([first.starting, second.starting]);
    expect(second.calls).toContain('start');
    await Promise.all([first, second].map(({ container }) => container[Symbol.asyncDispose]()));
  });
});

describe('disposing of a container', () => {
  test('removes nothing where nothing was made', async () => {
    const { container, calls } = containerOn();

    await container[Symbol.asyncDispose]();

    expect(calls).toEqual(['release']);
  });

  test('removes nothing after a refusal: a container of the name may be running for this very claim', async () => {
    const create = failing(new EngineError('create', 'name_taken', ''));
    const labels = { [tagLabel]: jobTag(settings, { jobId: 'job-1', fence: 1 }) };
    const findContainer = async () => containerFacts({ labels, status: 'running' });
    const { container, calls } = containerOn({ create: create.call, findContainer });
    await expect(container.prepare(new AbortController().signal)).rejects.toMatchObject({ retryable: false });

    await container[Symbol.asyncDispose]();

    expect(calls).not.toContain('remove');
  });
});
