import { expect, test } from 'vitest';
import { readJobRequest } from '../../../src/api/runai/request.js';
import { jobShape } from '../../../src/api/runai/wire.js';
import type { JobRequest, SpecFields } from '../../../src/job/job.js';
import { usualImages } from '../../../src/job/options/image-policy.js';

const owner = { key: 'entity:e1', displayName: 'tester' };
/** Allows what the conversions ask for. */
const policy = {
  images: usualImages,
  users: [{ uid: 1000, gid: 0 }],
  networks: ['host'],
  ports: [{ from: 1, to: 65_535 }],
  mostStopGraceMs: 60_000,
  capabilities: [],
  mostGpus: 4,
  usual: { cpus: 2, memoryBytes: 2 ** 30 },
  mounts: [
    { kind: 'bind' as const, source: '/', readOnly: false },
    { kind: 'volume' as const, source: 'data', readOnly: false },
  ],
  most: { cpus: 8, memoryBytes: 2 ** 33, pids: 1, sharedMemoryBytes: 10_000_000 },
};
const settings = { runai: { projects: undefined, serialProjects: false }, policyFor: () => policy };
const small = { project: 'vision', image: 'alpine:3.20' };

function read(body: unknown, requester?: string): Promise<JobRequest> {
  return readJobRequest(Buffer.from(JSON.stringify(body)), { owner, requester }, settings);
}

const readJob = (job: object) => read({ job: { ...small, ...job } });

test('the smallest job has no queue, no Vault identity, and a name that is still to be made', async () => {
  expect(await read({ job: { ...small, command: 'true', backoffLimit: 0 } }, 'ines')).toEqual({
    door: 'runai',
    queue: null,
    owner,
    wrappedSecretId: undefined,
    payload: { kind: 'none' },
    fields: {
      image: 'alpine:3.20',
      pullPolicy: 'Always',
      entrypoint: ['true'],
      env: ['POD_INDEX=0'],
      options: {},
    },
    label: { project: 'vision', requester: 'ines' },
    namePrefix: 'job',
    identityEnv: { JOB_NAME: 'name', JOB_UUID: 'id', POD_UUID: 'run' },
  });
});

test('a training is run again up to six times, as a parent whose runs get their own variables', async () => {
  const { fields, queue, identityEnv, parent } = await readJob({ environment: { A: 'b' } });
  expect({ env: fields.env, queue, identityEnv }).toEqual({
    env: ['A=b'],
    queue: null,
    identityEnv: { JOB_NAME: 'name', JOB_UUID: 'id' },
  });
  expect(parent).toEqual({
    plan: { completions: 1, parallelism: 1, backoffLimit: 6, queue: null },
    progress: { next: 0, again: [], succeeded: 0, failures: 0, lastFailure: null },
  });
});

test('completions, parallelism and backoffLimit are for the planner', async () => {
  const { parent } = await readJob({ completions: 4, parallelism: 2, backoffLimit: 1 });
  expect(parent?.plan).toEqual({ completions: 4, parallelism: 2, backoffLimit: 1, queue: null });
});

test.each([
  ['that is interactive', { interactive: true }],
  ['that wants no other run', { backoffLimit: 0 }],
])('a job %s is one run', async (_, job) => {
  expect((await readJob(job)).parent).toBeUndefined();
});

test('a body may be the job itself', async () => {
  expect((await read({ ...small, name: 'train-7' })).label).toMatchObject({ name: 'train-7' });
});

test('a long command is read wherever it stands', async () => {
  const command = `echo ${'x'.repeat(100_000)}`;

  for (const body of [{ ...small, command }, { job: { ...small, command } }])
    expect((await read(body)).fields.entrypoint).toEqual(command.split(' '));
});

test('a job of the page is read with resources and environment', async () => {
  const { fields, label, namePrefix } = await readJob({
    name: 'train-7',
    gpu: 2,
    cpu: 3,
    cpuLimit: 6,
    memory: '2Gi',
    memoryLimit: '4Gi',
    environment: { BATCH: 64, RATE: 0.05, DEBUG: false, GONE: null, TEXT: 'a=b' },
    command: 'python train.py',
    arguments: ['--epochs', '3'],
    workingDir: '/work',
    preventPrivilegeEscalation: true,
  });

  expect(fields).toMatchObject({
    entrypoint: ['python', 'train.py'],
    command: ['--epochs', '3'],
    env: ['BATCH=64', 'RATE=0.05', 'DEBUG=false', 'TEXT=a=b'],
    workingDirectory: '/work',
    options: {
      gpus: 2,
      limits: { cpus: 6, memoryBytes: 2 ** 32 },
      reserved: { cpus: 3, memoryBytes: 2 ** 31 },
    },
  });
  expect(label).toMatchObject({ project: 'vision', name: 'train-7' });
  expect(namePrefix).toBeUndefined();
});

test.each<[string, object, SpecFields]>([
  ['command as a list', { command: ['sh', '-c', ''] }, { entrypoint: ['sh', '-c', ''] }],
  ['command quoted', { command: `sh -c 'exit 3'` }, { entrypoint: ['sh', '-c', 'exit 3'] }],
  ['arguments as a text', { arguments: '-e "a b"' }, { command: ['-e', 'a b'] }],
  ['imagePullPolicy in any case', { imagePullPolicy: 'ifnotpresent' }, { pullPolicy: 'IfNotPresent' }],
  ['a variable of ours', { environment: { POD_INDEX: 7 } }, { env: ['POD_INDEX=7'] }],
  ['cpuLimit as a text', { cpuLimit: '0.5' }, { options: { limits: { cpus: 0.5 } } }],
  ['cpuLimit 0', { cpuLimit: 0 }, { options: {} }],
  ['memoryLimit as bytes', { memoryLimit: 10485760 }, { options: { limits: { memoryBytes: 10485760 } } }],
  ['memoryLimit 3GB', { memoryLimit: '3GB' }, { options: { limits: { memoryBytes: 3e9 } } }],
  ['cpu', { cpu: 1.5 }, { options: { reserved: { cpus: 1.5 } } }],
  ['memory', { memory: '100M' }, { options: { reserved: { memoryBytes: 1e8 } } }],
  [
    'a reservation as large as its limit',
    { cpu: '3', cpuLimit: 3, memory: '2Gi', memoryLimit: '2Gi' },
    {
      options: {
        limits: { cpus: 3, memoryBytes: 2 ** 31 },
        reserved: { cpus: 3, memoryBytes: 2 ** 31 },
      },
    },
  ],
  ['gpu', { gpu: '1' }, { options: { gpus: 1, reserved: { cpus: 1, memoryBytes: 100 * 1024 ** 2 } } }],
  [
    'gpu beside reservations',
    { gpu: 2, cpu: 0.5, memory: '50M' },
    { options: { gpus: 2, reserved: { cpus: 0.5, memoryBytes: 5e7 } } },
  ],
  [
    'more gpu than a job has CPUs',
    { gpu: 4, memoryLimit: '200Mi' },
    {
      options: {
        gpus: 4,
        limits: { memoryBytes: 200 * 1024 ** 2 },
        reserved: { cpus: 2, memoryBytes: 200 * 1024 ** 2 },
      },
    },
  ],
  [
    'elastic with one gpu',
    { elastic: true, gpu: 1 },
    { options: { gpus: 1, reserved: { cpus: 1, memoryBytes: 100 * 1024 ** 2 } } },
  ],
  ['elastic without gpu', { elastic: true }, { options: {} }],
  ['preemptible', { preemptible: true, interactive: true }, { options: {} }],
  [
    'createHomeDir',
    { createHomeDir: true, interactive: true },
    { env: ['POD_INDEX=0', 'HOME=/home/runai-home'], options: { home: '/home/runai-home' } },
  ],
  [
    'createHomeDir with a HOME of its own',
    { createHomeDir: true, environment: { HOME: '/tmp' } },
    { env: ['HOME=/tmp'], options: { home: '/home/runai-home' } },
  ],
  [
    'pvc',
    {
      pvc: ['data:/a', 'data:/b:ro', 'data:/c:rw', { name: 'data', path: '/d', readOnly: true }],
      volume: { '/s': '/t' },
    },
    {
      options: {
        mounts: [
          { kind: 'bind', source: '/s', target: '/t', readOnly: false },
          { kind: 'volume', source: 'data', target: '/a', readOnly: false },
          { kind: 'volume', source: 'data', target: '/b', readOnly: true },
          { kind: 'volume', source: 'data', target: '/c', readOnly: false },
          { kind: 'volume', source: 'data', target: '/d', readOnly: true },
        ],
      },
    },
  ],
  ['stdin', { stdin: true }, { options: { stdin: true } }],
  ['stdin with tty', { stdin: true, tty: true }, { tty: true, options: { stdin: true } }],
  ['largeShm', { largeShm: true }, { options: { limits: { sharedMemoryBytes: 10_000_000 } } }],
  [
    'largeShm beside a small memoryLimit',
    { largeShm: true, memoryLimit: '8M' },
    { options: { limits: { memoryBytes: 8e6, sharedMemoryBytes: 8e6 } } },
  ],
  [
    'largeShm beside a large memoryLimit',
    { largeShm: true, memoryLimit: '1G' },
    {
      options: { limits: { memoryBytes: 1e9, sharedMemoryBytes: 10_000_000 } },
    },
  ],
  ['runAsUid', { runAsUid: 1000, runAsGid: 0 }, { options: { user: { uid: 1000, gid: 0 } } }],
  [
    'volume',
    { volume: { '/srv/a': '/a', '/srv/b': '/b:ro', '/srv/c': '/c:rw' } },
    {
      options: {
        mounts: [
          { kind: 'bind', source: '/srv/a', target: '/a', readOnly: false },
          { kind: 'bind', source: '/srv/b', target: '/b', readOnly: true },
          { kind: 'bind', source: '/srv/c', target: '/c', readOnly: false },
        ],
      },
    },
  ],
  [
    'volumes',
    {
      volumes: [
        { sourcePath: '/s', targetPath: '/t', readOnly: true },
        { sourcePath: '/s2', targetPath: '/t2' },
      ],
    },
    {
      options: {
        mounts: [
          { kind: 'bind', source: '/s', target: '/t', readOnly: true },
          { kind: 'bind', source: '/s2', target: '/t2', readOnly: false },
        ],
      },
    },
  ],
  [
    'ports for others',
    {
      serviceType: 'nodeport',
      ports: [
        { container: 8888, external: 32188, autoGenerate: false },
        { container: 6006, autoGenerate: true },
      ],
    },
    {
      options: {
        ports: [
          { container: 8888, host: 32188, loopbackOnly: false },
          { container: 6006, host: 0, loopbackOnly: false },
        ],
      },
    },
  ],
  [
    'ports of the node alone',
    { serviceType: 'portforward', ports: [80, '8080:81', '82'] },
    {
      options: {
        ports: [
          { container: 80, host: 0, loopbackOnly: true },
          { container: 81, host: 8080, loopbackOnly: true },
          { container: 82, host: 0, loopbackOnly: true },
        ],
      },
    },
  ],
  [
    'ports without a serviceType',
    { ports: [80] },
    {
      options: { ports: [{ container: 80, host: 0, loopbackOnly: true }] },
    },
  ],
  ['ports in the network of the node', { hostNetwork: true, ports: [80] }, { options: { network: 'host' } }],
  ['a serviceType of numbers', { serviceType: 2 }, { options: {} }],
  [
    'the fields of stint',
    {
      wrap_secret_id: 's.w',
      secret_refs: ['A@kv/data/x.a'],
      secret_file_type: 'json',
      cont_on_warnings: true,
    },
    { secretRefs: ['A@kv/data/x.a'], secretFileType: 'json', continueOnWarnings: true },
  ],
])('%s is converted', async (_, job, fields) => {
  const request = await readJob(job);

  expect(request.fields).toMatchObject({ options: {}, ...fields });
  expect(request.fields.options).toEqual(fields.options ?? {});
});

test('a wrapping token gives the job its identity', async () => {
  expect((await readJob({ wrap_secret_id: 's.wrap' })).wrappedSecretId?.reveal()).toBe('s.wrap');
});

test.each<[string | number, number]>([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['4d', 345_600_000],
  [5, 5000],
  [0, 0],
  ['0s', 0],
])('ttlAfterFinish %j ends the listing %d ms after the end', async (ttlAfterFinish, ms) => {
  expect((await readJob({ ttlAfterFinish })).unlistAfterMs).toBe(ms);
});

test('an interactive job is told from a training', async () => {
  expect((await readJob({ interactive: true })).label).toMatchObject({ kind: 'interactive' });
});

/** What means "nothing special", however it is written. */
const nothing = {
  name: '',
  jobNamePrefix: null,
  interactive: false,
  command: '',
  arguments: [],
  environment: {},
  imagePullPolicy: '',
  stdin: false,
  tty: false,
  workingDir: '',
  createHomeDir: false,
  gpu: 0,
  cpu: '0',
  cpuLimit: '',
  memory: '0',
  memoryLimit: '',
  largeShm: false,
  pvc: [],
  volume: {},
  volumes: [],
  hostIpc: false,
  hostNetwork: false,
  ports: [],
  serviceType: '',
  backoffLimit: 0,
  completions: 1,
  parallelism: 1,
  elastic: false,
  preemptible: true,
  ttlAfterFinish: '',
  preventPrivilegeEscalation: false,
  nodeType: '',
  runAsUid: null,
  runAsGid: null,
  gpuMemory: '',
  gitSync: {},
  mpi: null,
  processes: 0,
  jupyter: false,
  jupyterPassword: '',
  runAsUser: false,
  type: '',
  template: '',
  wrap_secret_id: '',
  secret_refs: [],
  registry_ref: '',
  secret_file_type: '',
  cont_on_warnings: null,
};

test('values that mean nothing special are taken for every field, and unknown fields are ignored', async () => {
  expect(Object.keys({ ...small, ...nothing }).toSorted()).toEqual(Object.keys(jobShape).toSorted());

  expect(await readJob({ ...nothing, isJupyter: true, masters: 3 })).toMatchObject(
    await readJob({ backoffLimit: 0 }),
  );
});

test('a prefix that the job gives is kept for the name that is made', async () => {
  expect((await readJob({ jobNamePrefix: 'prep' })).namePrefix).toBe('prep');
});
