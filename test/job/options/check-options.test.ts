import { describe, expect, test } from 'vitest';
import { checkFields } from '../../../src/job/check.js';
import { checkOptions } from '../../../src/job/options/check-options.js';
import type { ContainerOptions, Mount, PortMapping } from '../../../src/job/options/options.js';

const bind = (source: string, target: string): Mount => ({ kind: 'bind', source, target, readOnly: true });
const port = (container: number, host: number): PortMapping => ({ container, host, loopbackOnly: false });

const refused: [string, ContainerOptions, string][] = [
  ['a negative user', { user: { uid: -1, gid: 0 } }, '`user`'],
  ['a fraction of a group', { user: { uid: 1, gid: 0.5 } }, '`user`'],
  ["another container's network", { network: 'container:abc' }, '`network`'],
  ['no container port', { ports: [port(0, 1)] }, "container's port in entry 1 of `ports`"],
  [
    'a port that is too high',
    { ports: [port(80, 1), port(80, 65_536)] },
    "host's port in entry 2 of `ports`",
  ],
  [
    'a host port twice',
    { ports: [port(80, 8_080), port(81, 8_080)] },
    'got 8080 again in entry 2 of `ports`',
  ],
  ['too many ports', { ports: Array.from({ length: 65 }, () => port(80, 0)) }, 'at most 64 entries, got 65'],
  ['a relative source', { mounts: [bind('srv', '/a')] }, "host's path in entry 1 of `mounts`"],
  ['a source that climbs', { mounts: [bind('/srv/../etc', '/a')] }, "host's path in entry 1"],
  ['a source with a slash at its end', { mounts: [bind('/srv/', '/a')] }, "host's path in entry 1"],
  ['a source with a NUL', { mounts: [bind('/srv\0', '/a')] }, "host's path in entry 1"],
  ['a path as volume', { mounts: [{ ...bind('/srv', '/a'), kind: 'volume' }] }, 'volume in entry 1'],
  ['a relative target', { mounts: [bind('/srv', 'a')] }, "container's path in entry 1"],
  ['a target twice', { mounts: [bind('/srv', '/a'), bind('/b', '/a')] }, 'again in entry 2 of `mounts`'],
  ...[
    '/',
    '/etc',
    '/etc/passwd',
    '/secrets.yml',
    '/secrets.json',
    '/proc',
    '/proc/1',
    '/sys/fs',
    '/dev/shm',
  ].map((target): [string, ContainerOptions, string] => [
    `a mount over ${target}`,
    { mounts: [bind('/srv', target)] },
    "container's path in entry 1 of `mounts` not to be",
  ]),
  [
    'too little memory',
    { limits: { memoryBytes: 4096 } },
    '`memoryBytes` to be at least 6291456 bytes, got 4096',
  ],
  ['a fraction of a byte', { limits: { memoryBytes: 2 ** 23 + 0.5 } }, '`memoryBytes`'],
  ['no CPU', { limits: { cpus: 0 } }, '`cpus` to be at least 0.01 CPUs'],
  ['no number', { limits: { cpus: Number.NaN } }, '`cpus`'],
  ['a grace of more than a day', { stopGraceMs: 86_400_001 }, '`stopGraceMs` to be at most 86400000 ms'],
  ['a grace below zero', { stopGraceMs: -1 }, '`stopGraceMs`'],
  ['no GPU at all', { gpus: 0 }, '`gpus` to be a whole number from 1 to 1024, got 0'],
  ['half a GPU', { gpus: 0.5 }, '`gpus` to be a whole number'],
  ['more GPUs than a node can have', { gpus: 1025 }, '`gpus` to be a whole number'],
  ['a reservation of no CPU', { reserved: { cpus: 0 } }, '`reservedCpus` to be at least 0.01 CPUs, got 0'],
  [
    'a reservation of too little memory',
    { reserved: { memoryBytes: 4096 } },
    '`reservedMemoryBytes` to be at least 6291456 bytes, got 4096',
  ],
  [
    'a reservation of more CPUs than the limit',
    { reserved: { cpus: 2 }, limits: { cpus: 1.5 } },
    '`reservedCpus` to be at most `cpus`, which is 1.5, got 2',
  ],
  [
    'a reservation of more memory than the limit',
    { reserved: { memoryBytes: 2 ** 24 }, limits: { memoryBytes: 2 ** 23 } },
    '`reservedMemoryBytes` to be at most `memoryBytes`, which is 8388608, got 16777216',
  ],
  ['a relative home directory', { home: 'home/a' }, '`home` to be absolute'],
  ['a home directory over what is reserved', { home: '/etc' }, '`home` not to be'],
  [
    'a mount over the home directory',
    { home: '/a', mounts: [bind('/srv', '/a')] },
    'no mount at the path of `home`',
  ],
  ['an endless time', { limits: { runTimeMs: Number.POSITIVE_INFINITY } }, '`runTimeMs`'],
];

describe('checkOptions', () => {
  test('accepts what the engine and the kernel can give', () => {
    const options: ContainerOptions = {
      user: { uid: 0, gid: 2001 },
      network: 'batch_net-1',
      ports: [port(80, 0), port(81, 0), port(443, 18_443)],
      mounts: [bind('/srv/ref', '/ref'), { ...bind('cache.1', '/etc/app'), kind: 'volume' }],
      limits: { cpus: 0.01, memoryBytes: 6 * 1024 * 1024, pids: 1, cpuTimeMs: 1_000, runTimeMs: 1_000 },
      stopGraceMs: 0,
      gpus: 1,
      reserved: { cpus: 0.01, memoryBytes: 6 * 1024 * 1024 },
      home: '/home/job',
    };

    expect(checkOptions(options)).toEqual([]);
    expect(checkOptions({})).toEqual([]);
  });

  test.each(refused)('refuses %s', (_, options, problem) => {
    const problems = checkOptions(options);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test("uses the client's names", () => {
    const names = { memoryBytes: 'memory', mounts: 'container.mounts' };
    const options = { limits: { memoryBytes: 1 }, mounts: [bind('x', '/a')] };

    expect(checkOptions(options, names).join()).toMatch(/`container\.mounts`.*`memory`/);
  });

  test('counts volumes by themselves where the client names them otherwise than paths', () => {
    const volume: Mount = { kind: 'volume', source: 'cache', target: 'c', readOnly: true };
    const options = { mounts: [bind('/srv', '/a'), volume, bind('/srv', 'b')] };

    const problems = checkOptions(options, { mounts: 'volume', volumes: 'pvc' }).join();

    expect(problems).toMatch(/entry 1 of `pvc`.*entry 2 of `volume`/);
    expect(checkOptions(options).join()).toMatch(/entry 2 of `mounts`.*entry 3 of `mounts`/);
  });
});

test('content beside mounts is refused: the engine would write it through them', () => {
  const options = { mounts: [bind('/srv', '/a')] };

  expect(checkFields({ image: 'busybox', content: 'QUJD', options })).toEqual([
    'Expected `content` or `mounts`, got both: content would be written into what is mounted.',
  ]);
  expect(checkFields({ image: 'busybox', options })).toEqual([]);
});
