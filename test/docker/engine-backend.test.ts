import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { afterEach, describe, expect, test } from 'vitest';
import type { CreateOptions } from '../../src/docker/container/container.js';
import { Leftovers } from '../../src/docker/container/leftovers.js';
import { Deliveries } from '../../src/docker/delivery/deliveries.js';
import type { Engine } from '../../src/docker/engine/engine.js';
import { EngineError } from '../../src/docker/engine/errors.js';
import { disksOf } from '../../src/docker/engine/readiness.js';
import { type DockerBackendParts, EngineBackend } from '../../src/docker/engine-backend.js';
import { ImageFactsReader } from '../../src/docker/image/facts.js';
import { Images } from '../../src/docker/image/images.js';
import { usualConfinement } from '../../src/docker/program/confinement.js';
import { Sandboxes } from '../../src/docker/sandbox/sandboxes.js';
import { engineState, testRules, testSettings } from '../support/backend-parts.js';
import { containerRequest } from '../support/container-request.js';
import { fakeEngine, foundImage } from '../support/fake-engine.js';

const request = containerRequest({ jobId: 'job-1', fence: 1 });
const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

/** A backend on an engine where everything succeeds except what is given. */
async function openBackend(
  given: Partial<Engine> = {},
  dockerHost = 'unix:///engine.sock',
  more: Partial<DockerBackendParts> = {},
) {
  const created: CreateOptions[] = [];
  const removed: string[] = [];
  const failures: string[] = [];
  const engine = fakeEngine({
    info: async () => engineState(),
    version: async () => ({ name: 'Engine', serverVersion: '1', apiVersion: '1.41' }),
    hasNetwork: async () => true,
    findNetwork: async () => ({ keepsApart: true }),
    listContainers: async () => [],
    findImage: async () => foundImage('sha256:1'),
    findFile: async () => undefined,
    findContainer: async () => undefined,
    remove: async (id) => void removed.push(id),
    close: () => undefined,
    ...given,
    create: async (name, options) => {
      await given.create?.(name, options);
      created.push(options);
      return `id-of-${name}`;
    },
  });
  const secretsDirectory = await mkdtemp(join(tmpdir(), 'stint-unit-'));
  directories.push(secretsDirectory);
  const onFailure = (message: string) => void failures.push(message);
  const deliveries = await Deliveries.open(
    { engine, rules: testRules, caCertificatePath: undefined },
    { dockerHost, secretsDirectory, onFailure },
  );
  const starts = pLimit(1);
  const backend = new EngineBackend({
    engine,
    settings: testSettings,
    rules: testRules,
    images: new Images(engine, { limits: { totalMs: 1_000, stallMs: 1_000 } }),
    imageFacts: new ImageFactsReader(engine, testSettings),
    deliveries,
    leftovers: new Leftovers(engine, testSettings),
    sandboxes: new Sandboxes({ engine, settings: testSettings, starts, most: 0, onFailure }),
    starts,
    retryForMs: 1_000,
    isLocal: dockerHost.startsWith('unix://'),
    onFailure,
    ...more,
  });
  return { backend, created, removed, failures };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

/** Fails once, where the create call is the one of a job. */
function onceForJobs(error: Error): Engine['create'] {
  let failed = false;
  return async (name) => {
    if (failed || !name.includes('job-1')) return '';
    failed = true;
    throw error;
  };
}

describe('preparing on an engine', () => {
  test('that does not see our files puts secrets into the archive, from then on, and says so', async () => {
    const create = onceForJobs(new EngineError('create', 'source_missing', ''));
    const { backend, created, failures } = await openBackend({ create });

    await using first = await backend.prepare(request, never());
    await using second = await backend.prepare({ ...request, fence: 2 }, never());

    expect([first.id, second.id].every((id) => id.includes('job-1'))).toBe(true);
    expect(
      created.filter(({ User }) => User === '2001:2001').map(({ HostConfig }) => HostConfig.Mounts),
    ).toEqual([[], []]);
    expect(failures.join('\n')).toMatch(/does not see the files of this host/);
  });

  test.each(['name=userns', 'name=rootless'])(
    'with %s puts secrets into the archive, and says so',
    async (option) => {
      const info = async () => engineState({ securityOptions: ['name=seccomp,profile=default', option] });
      const { backend, created, failures } = await openBackend({ info });

      await using _ = await backend.prepare(request, never());

      expect(created.at(-1)?.HostConfig.Mounts).toEqual([]);
      expect(failures.join('\n')).toMatch(/maps user ids/);
    },
  );

  test('that is remote is never asked to bind anything', async () => {
    const { backend, created } = await openBackend({}, 'tcp://engine:2375');

    await using _ = await backend.prepare(request, never());

    expect(created.at(-1)?.HostConfig.Mounts).toEqual([]);
  });

  test('tries again when the image was removed meanwhile', async () => {
    const create = onceForJobs(new EngineError('create', 'image_missing', ''));
    const { backend } = await openBackend({ create });

    await using container = await backend.prepare(request, never());

    expect(container.imageId).toBe('sha256:1');
  });

  test('does not try forever', async () => {
    const { backend } = await openBackend({
      create: () => Promise.reject(new EngineError('create', 'image_missing', '')),
    });

    await expect(backend.prepare(request, never())).rejects.toMatchObject({ fault: 'image_missing' });
  });

  test('creates nothing while older containers of the node may be running', async () => {
    const unavailable = new EngineError('list', 'unreachable', '');
    const listContainers = async () => {
      throw unavailable;
    };
    const { backend, created } = await openBackend({ listContainers });

    await expect(backend.prepare(request, never())).rejects.toBe(unavailable);
    expect(created).toEqual([]);
  });

  test('removes the container when the signal fires while it is made', async () => {
    const stop = new AbortController();
    const create: Engine['create'] = async (name) => {
      if (name.includes('job-1')) stop.abort(new Error('killed'));
      return '';
    };
    const { backend, removed } = await openBackend({ create });

    await expect(backend.prepare(request, stop.signal)).rejects.toThrow('killed');
    expect(removed.at(-1)).toMatch(/job-1/);
  });
});

test('a check reports once the limits that the engine cannot enforce', async () => {
  const state = engineState({ missingLimits: ['memory', 'pids'] });
  const { backend, failures } = await openBackend({ info: async () => state }, 'tcp://engine:2375');

  await backend.check();
  await backend.check();

  expect(failures).toEqual(['The engine cannot limit what jobs use of: memory, pids.']);
});

test('a root that cannot be written needs an engine that shares the files of its host', async () => {
  const settings = { ...testSettings, confinement: { ...usualConfinement, readOnly: true } };
  const { backend, created } = await openBackend({}, 'tcp://10.0.0.1:2375', { settings });

  await expect(backend.prepare(request, never())).rejects.toMatchObject({ code: 'read_only_unsupported' });
  expect(created.filter(({ HostConfig }) => HostConfig.CapDrop !== undefined)).toEqual([]);
});

test('warns once where jobs reach each other on their network', async () => {
  const { backend, failures } = await openBackend({ findNetwork: async () => ({ keepsApart: false }) });

  await backend.check();
  await backend.check();

  expect(failures.filter((each) => each.includes('STINT_JOB_NETWORK=isolated'))).toHaveLength(1);
});

const inNetwork = (network: string) => ({ ...request, options: { network } });

test('an engine that lacks the network which a job names fails that job, and makes no container', async () => {
  const asked: string[] = [];
  const hasNetwork = async (name: string) => asked.push(name) === 0;
  const { backend, created } = await openBackend({ hasNetwork });

  await expect(backend.prepare(inNetwork('cluster-net'), never())).rejects.toMatchObject({
    reason: 'start_failed',
    code: 'network_missing',
    message: expect.stringContaining('"cluster-net"'),
  });
  expect(created).toEqual([]);
  await using _ = await backend.prepare(inNetwork('none'), never());
  expect(asked).toEqual(['cluster-net']);
});

describe('E6: the disk that has the images', () => {
  const state = engineState({ dataRoot: tmpdir(), hasSystemStore: true });

  test('is looked at where it is that of a containerd, and named', async () => {
    const { backend } = await openBackend({ info: async () => state }, 'unix:///engine.sock', {
      containerdRoot: '/proc',
    });

    await expect(backend.check()).rejects.toThrow("free on the disk of the engine's containerd");
  });

  test('is not looked at where the engine is on another host', async () => {
    const { backend } = await openBackend({ info: async () => state }, 'tcp://engine:2375', {
      containerdRoot: '/proc',
    });

    await expect(backend.check()).resolves.toBeUndefined();
  });

  test.each([
    [true, undefined, ['/data', '/var/lib/containerd']],
    [true, '/big', ['/data', '/big']],
    [false, '/big', ['/data', '/big']],
    [false, undefined, ['/data']],
  ])('by the engine (%s) and the setting (%s) is one of %s', (hasSystemStore, given, paths) => {
    expect(disksOf({ dataRoot: '/data', hasSystemStore }, given).map(({ path }) => path)).toEqual(paths);
  });
});

describe('an engine that is not supported', () => {
  test('is refused at the start, and at each job where it did not answer then', async () => {
    let answers = false;
    const { backend, created } = await openBackend({
      version: async () => {
        if (!answers) throw new EngineError('version', 'no_socket', '');
        return { name: 'Podman Engine', serverVersion: '4.3.1', apiVersion: '1.41' };
      },
    });
    await expect(backend.refuseUnsupported()).resolves.toBeUndefined();
    answers = true;

    await expect(backend.refuseUnsupported()).rejects.toThrow('Podman Engine');
    await expect(backend.prepare(request, new AbortController().signal)).rejects.toThrow('Podman Engine');
    expect(created).toEqual([]);
  });
});
