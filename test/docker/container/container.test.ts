import { describe, expect, test } from 'vitest';
import {
  type ContainerSettings,
  containerName,
  createOptions,
  jobTag,
  keyedTag,
} from '../../../src/docker/container/container.js';
import { usualConfinement } from '../../../src/docker/program/confinement.js';
import type { Mount } from '../../../src/job/options/options.js';
import { containerRequest } from '../../support/container-request.js';

const settings: ContainerSettings = {
  installation: '0123456789abcdef',
  node: 'node-1',
  tagKey: Buffer.alloc(32, 1),
  memoryBytes: 512,
  cpus: 0.5,
  pids: 10,
  network: 'none',
  confinement: usualConfinement,
  init: 'auto',
  sharedMemoryBytes: 64,
  logBytes: 1001,
};
const request = containerRequest({ jobId: 'job-1', fence: 7 });

function optionsOf(
  more: Partial<typeof request> = {},
  files: Parameters<typeof createOptions>[2]['files'] = [],
  init = true,
  mounts: Mount[] = [],
) {
  return createOptions(settings, { ...request, ...more }, { imageId: 'sha256:1', files, mounts, init });
}

describe('what a job asks of its container', () => {
  test('takes from the options what the job asked for, and keeps the rest', () => {
    const user = { uid: 1000, gid: 100 };
    const ports = [
      { container: 80, host: 18_080, loopbackOnly: false },
      { container: 80, host: 0, loopbackOnly: true },
    ];
    const limits = { cpus: 1.5, memoryBytes: 1024, pids: 5, sharedMemoryBytes: 32, cpuTimeMs: 1_500 };

    expect(optionsOf({ options: { user, ports, limits, network: 'batch' } })).toMatchObject({
      User: '1000:100',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        Memory: 1024,
        MemorySwap: 1024,
        NanoCpus: 1_500_000_000,
        PidsLimit: 5,
        ShmSize: 32,
        NetworkMode: 'batch',
        PortBindings: {
          '80/tcp': [
            { HostIp: '', HostPort: '18080' },
            { HostIp: '127.0.0.1', HostPort: '' },
          ],
        },
        Ulimits: [
          { Name: 'core', Soft: 0, Hard: 0 },
          { Name: 'cpu', Soft: 7, Hard: 8 },
        ],
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
      },
    });
  });

  test('leaves the user to the image where the job asked for that', () => {
    expect(optionsOf({ options: { user: 'image' } })).not.toHaveProperty('User');
  });

  test('mounts what the delivery resolved, not what the request names; a volume gets nothing of the image', () => {
    const mounts: Mount[] = [
      { kind: 'bind', source: '/real/ref', target: '/ref', readOnly: true },
      { kind: 'volume', source: 'cache', target: '/cache', readOnly: false },
    ];
    const asked = { mounts: [{ kind: 'bind', source: '/link', target: '/ref', readOnly: false }] } as const;

    expect(optionsOf({ options: asked }, [], true, mounts).HostConfig.Mounts).toEqual([
      { Type: 'bind', Source: '/real/ref', Target: '/ref', ReadOnly: true },
      { Type: 'volume', Source: 'cache', Target: '/cache', ReadOnly: false, VolumeOptions: { NoCopy: true } },
    ]);
  });
});

describe('what a job counts on', () => {
  test('asks the engine for GPUs, reservations and a home in memory', () => {
    const reserved = { cpus: 1.5, memoryBytes: 256 };
    const user = { uid: 1000, gid: 100 };

    const { HostConfig } = optionsOf({ options: { user, gpus: 2, reserved, home: '/home/job' } });

    expect(HostConfig).toMatchObject({
      DeviceRequests: [{ Count: 2, Capabilities: [['gpu']] }],
      CpuShares: 1536,
      MemoryReservation: 256,
      Memory: 512,
      Tmpfs: { '/home/job': 'exec,nosuid,nodev,mode=0700,uid=1000,gid=100,size=512' },
    });
  });

  test('reserves no more than the kernel can weigh', () => {
    expect(optionsOf({ options: { reserved: { cpus: 1000 } } }).HostConfig).toMatchObject({
      CpuShares: 262_144,
    });
  });
});

describe('createOptions', () => {
  test('asks for exactly this and nothing else', () => {
    expect(optionsOf()).toEqual({
      Image: 'sha256:1',
      Env: ['TINI_SUBREAPER=1'],
      User: '2001:2001',
      Tty: false,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: false,
      StdinOnce: false,
      Healthcheck: { Test: ['NONE'] },
      Labels: {
        'stint.job': 'job-1',
        'stint.queue': 'demo',
        'stint.fence': '7',
        'stint.installation': '0123456789abcdef',
        'stint.node': 'node-1',
        'stint.secrets': '/secrets.yml',
        'stint.tag': jobTag(settings, request),
      },
      HostConfig: {
        Init: true,
        LogConfig: { Type: 'local', Config: { 'max-size': '501', 'max-file': '2', compress: 'false' } },
        SecurityOpt: ['no-new-privileges'],
        CapDrop: ['ALL'],
        PidsLimit: 10,
        Memory: 512,
        MemorySwap: 512,
        NanoCpus: 500_000_000,
        ShmSize: 64,
        NetworkMode: 'none',
        Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
        Mounts: [],
      },
    });
  });

  test('leaves process 1 to the image where that brings one, whatever the engine does by itself', () => {
    expect(optionsOf({}, [], false)).toMatchObject({ Env: [], HostConfig: { Init: false } });
  });

  test('lets a job say itself how a `tini` of its image is to behave', () => {
    expect(optionsOf({ env: ['TINI_SUBREAPER='] }).Env).toEqual(['TINI_SUBREAPER=']);
  });

  test('takes command, directory, environment and terminal from the request', () => {
    const command = { entrypoint: ['sh'], command: ['-c', 'x'], workingDirectory: '/srv' };
    const more = { ...command, env: ['A=b'], tty: true };

    expect(optionsOf(more)).toMatchObject({
      Entrypoint: ['sh'],
      Cmd: ['-c', 'x'],
      WorkingDir: '/srv',
      Env: ['A=b', 'TINI_SUBREAPER=1'],
      Tty: true,
    });
  });
});

describe('the options of a container', () => {
  test('have an input that stays open only where the job asks for one', () => {
    expect(optionsOf({ options: { stdin: true } })).toMatchObject({ OpenStdin: true, StdinOnce: false });
  });

  test('have labels without environment, command or key', () => {
    const labels = JSON.stringify(optionsOf({ env: ['P=CANARY-1'], command: ['CANARY-2'] }).Labels);

    expect(labels).not.toContain('CANARY');
    expect(labels).not.toContain(Buffer.from(settings.tagKey).toString('hex'));
  });

  test('bind files for reading only, and only by a kind of mount that makes no directories', () => {
    const { HostConfig: host } = optionsOf({}, [{ source: '/dev/shm/a', target: '/secrets.yml' }]);

    expect(host.Mounts).toEqual([
      { Type: 'bind', Source: '/dev/shm/a', Target: '/secrets.yml', ReadOnly: true },
    ]);
    expect(host).not.toHaveProperty('Binds');
  });

  test('have a label for a job without a queue too, since an image may bring one', () => {
    expect(optionsOf({ queue: null }).Labels['stint.queue']).toBe('');
  });
});

describe('a container', () => {
  test('is named after installation, job and fence', () => {
    expect(containerName(settings, request)).toBe('stint-01234567-job-1-7');
  });

  test('has a tag that depends on key, installation, job and fence', () => {
    const tags = [
      jobTag(settings, request),
      jobTag({ ...settings, tagKey: Buffer.alloc(32, 2) }, request),
      jobTag({ ...settings, installation: 'other' }, request),
      jobTag(settings, { jobId: 'job-2', fence: 7 }),
      jobTag(settings, { jobId: 'job-1', fence: 8 }),
    ];

    expect(new Set(tags).size).toBe(tags.length);
    expect(jobTag(settings, { jobId: 'job-1', fence: 7 })).toBe(tags[0]);
  });

  test('has a tag in which no letters can move from one part to the next', () => {
    const key = Buffer.alloc(32);

    expect(keyedTag(key, ['ab', 'c'])).not.toBe(keyedTag(key, ['a', 'bc']));
  });
});
