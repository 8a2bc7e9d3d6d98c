import { describe, expect, test } from 'vitest';
import type { ContainerOptions, Mount } from '../../../src/job/options/options.js';
import { findForbidden, type OptionsPolicy, strictPolicy } from '../../../src/job/options/policy.js';

const policy: OptionsPolicy = {
  images: strictPolicy.images,
  users: [{ uid: 1000, gid: 100 }],
  networks: ['batch'],
  ports: [{ from: 18_000, to: 18_010 }],
  mounts: [
    { kind: 'bind', source: '/srv/ref', readOnly: true },
    { kind: 'bind', source: '/srv/scratch', readOnly: false },
    { kind: 'volume', source: 'cache', readOnly: true },
  ],
  capabilities: [],
  mostStopGraceMs: 60_000,
  mostGpus: 2,
  usual: { cpus: 1, memoryBytes: 2 ** 29 },
  most: { cpus: 2, memoryBytes: 2 ** 30, pids: 100, sharedMemoryBytes: 2 ** 20 },
};
const port = (host: number) => ({ container: 80, host, loopbackOnly: false });
const mount = (source: string, readOnly = true, kind: Mount['kind'] = 'bind'): Mount => ({
  kind,
  source,
  target: '/a',
  readOnly,
});

describe('findForbidden', () => {
  test('allows what the operator allows, up to its limits', () => {
    const options: ContainerOptions = {
      user: { uid: 1000, gid: 100 },
      network: 'batch',
      ports: [port(0), port(18_000), port(18_010)],
      mounts: [
        mount('/srv/ref'),
        mount('/srv/ref/a/b'),
        mount('/srv/scratch/x', false),
        mount('cache', true, 'volume'),
      ],
      limits: { cpus: 2, memoryBytes: 2 ** 30, pids: 100, sharedMemoryBytes: 2 ** 20, runTimeMs: 9e9 },
      stopGraceMs: 60_000,
      gpus: 2,
      reserved: { cpus: 2, memoryBytes: 2 ** 30 },
      home: '/home/job',
    };

    expect(findForbidden(options, policy)).toEqual([]);
  });

  test('allows nothing where nothing was set, but what every job gets', () => {
    expect(findForbidden({}, strictPolicy)).toEqual([]);
    expect(findForbidden({ ports: [port(0)] }, strictPolicy)).toHaveLength(1);
    expect(findForbidden({ gpus: 1 }, strictPolicy)).toEqual([
      'Not allowed by the operator: `gpus` asks for 1, and at most 0 is allowed (STINT_JOB_GPUS_MAX).',
    ]);
  });

  test.each<[string, ContainerOptions, string]>([
    ['another user', { user: { uid: 0, gid: 0 } }, 'user 0:0 (STINT_ALLOW_USERS)'],
    ['the user of its image', { user: 'image' }, 'the user of its image (STINT_ALLOW_USERS)'],
    ['the user with another group', { user: { uid: 1000, gid: 0 } }, 'user 1000:0'],
    ["the host's network", { network: 'host' }, 'the network "host" (STINT_ALLOW_NETWORKS)'],
    ['a port beyond the range', { ports: [port(18_011)] }, 'port 18011 of the node (STINT_ALLOW_PORTS)'],
    ['a path outside', { mounts: [mount('/srv')] }, 'the path "/srv" (STINT_ALLOW_MOUNTS)'],
    ['a path that begins alike', { mounts: [mount('/srv/reference')] }, 'the path "/srv/reference"'],
    [
      'writing where only reading is allowed',
      { mounts: [mount('/srv/ref', false)] },
      '"/srv/ref" read-write',
    ],
    [
      'a volume outside',
      { mounts: [mount('data', true, 'volume')] },
      'the volume "data" (STINT_ALLOW_VOLUMES)',
    ],
    ['what is below a volume', { mounts: [mount('cache/x', true, 'volume')] }, 'the volume "cache/x"'],
    ['a path with the name of a volume', { mounts: [mount('cache')] }, 'the path "cache"'],
    ['more CPUs', { limits: { cpus: 2.5 } }, '2.5, and at most 2 is allowed (STINT_JOB_CPUS_MAX)'],
    [
      'a longer grace',
      { stopGraceMs: 60_001 },
      '60001 ms, and at most 60000 ms are allowed (STINT_STOP_GRACE_MAX)',
    ],
    ['more memory', { limits: { memoryBytes: 2 ** 31 } }, 'STINT_JOB_MEMORY_MAX'],
  ])('forbids %s', (_, options, text) => {
    const found = findForbidden(options, policy);

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(text);
  });
});

test.each<[string, ContainerOptions, string]>([
  ['more GPUs', { gpus: 3 }, '3, and at most 2 is allowed (STINT_JOB_GPUS_MAX)'],
  [
    'a reservation of more CPUs than every job gets',
    { reserved: { cpus: 1.5 } },
    '`reservedCpus` asks for 1.5, and a job without `cpus` gets at most 1 (STINT_JOB_CPUS)',
  ],
  [
    'a reservation of more memory than every job gets',
    { reserved: { memoryBytes: 2 ** 30 }, limits: { cpus: 2 } },
    'a job without `memoryBytes` gets at most 536870912 (STINT_JOB_MEMORY)',
  ],
])('findForbidden forbids %s', (_, options, text) => {
  expect(findForbidden(options, policy)).toEqual([expect.stringContaining(text)]);
});

test("findForbidden names the client's field", () => {
  const names = { memoryBytes: 'memory' };

  expect(findForbidden({ limits: { memoryBytes: 2 ** 31 } }, policy, names)[0]).toContain('`memory`');
});

test("findForbidden names the client's field of volumes", () => {
  const volumes = { mounts: [mount('data', true, 'volume')] };

  expect(findForbidden(volumes, policy, { mounts: 'volume', volumes: 'pvc' })[0]).toContain('`pvc`');
  expect(findForbidden(volumes, policy, { mounts: 'volume' })[0]).toContain('`volume`');
});

test('findForbidden allows the user of the image where that was named', () => {
  expect(findForbidden({ user: 'image' }, { ...policy, users: ['image'] })).toEqual([]);
});
