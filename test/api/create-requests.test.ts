import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  record,
  string,
  tuple,
} from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTemplate } from '../../src/api/gaffer/template/read-template.js';
import { launch } from '../../src/api/gaffer/template/template.js';
import { workerOptions } from '../../src/api/lopco/pipeline/workers/worker.js';
import { createOptions } from '../../src/docker/container/container.js';
import { checkFields } from '../../src/job/check.js';
import { RefusedError } from '../../src/job/errors.js';
import type { SpecFields } from '../../src/job/job.js';
import { findForbidden, type OptionsPolicy, strictPolicy } from '../../src/job/options/policy.js';
import { findOutside } from '../support/allowed-create.js';
import { testSettings } from '../support/backend-parts.js';
import { containerRequest } from '../support/container-request.js';
import { createTestApp } from '../support/test-app.js';

/** An operator who allows a little of everything. */
const policy: OptionsPolicy = {
  ...strictPolicy,
  users: [{ uid: 1000, gid: 100 }, 'image'],
  networks: ['batch', 'none'],
  ports: [{ from: 18_000, to: 18_009 }],
  mounts: [
    { kind: 'bind', source: '/srv/ref', readOnly: true },
    { kind: 'bind', source: '/srv/scratch', readOnly: false },
    { kind: 'volume', source: 'cache', readOnly: false },
  ],
  mostStopGraceMs: 60_000,
  mostGpus: 2,
  usual: { cpus: testSettings.cpus, memoryBytes: testSettings.memoryBytes },
  most: { cpus: 2, memoryBytes: 2 ** 28, pids: 64, sharedMemoryBytes: 2 ** 26 },
};

/** What people try, in the words of Docker, Compose, Kubernetes and others. */
const engineWords = [
  'Privileged privileged CapAdd cap_add capAdd Devices devices device_cgroup_rules Binds binds VolumesFrom volumes_from',
  'PidMode pid IpcMode ipc UTSMode UsernsMode userns_mode CgroupnsMode CgroupParent cgroup_parent Runtime runtime Isolation',
  'SecurityOpt security_opt securityContext Sysctls sysctls RestartPolicy restart LogConfig logging Links links ExtraHosts',
  'HostConfig hostConfig NetworkMode network_mode hostPID hostIPC hostUsers Labels labels stint.tag StopSignal Healthcheck',
  'OomKillDisable OomScoreAdj GroupAdd group_add MaskedPaths ReadonlyPaths ShmSize Ulimits ulimits StorageOpt Tmpfs Init',
  '__proto__ constructor options limits mounts user network Domainname MacAddress NetworkingConfig Platform',
].flatMap((line) => line.split(' '));
const paths = [
  '/srv/ref',
  '/srv/ref/a',
  '/srv/scratch',
  '/srv/ref/../..',
  '/',
  '/etc',
  '/var/run/docker.sock',
  'cache',
  'other',
];

const extras = dictionary(
  oneof(constantFrom(...engineWords), string({ maxLength: 8 })),
  oneof(jsonValue({ maxDepth: 2 }), constant(true), constantFrom('host', 'container:x', 'unconfined', 'ALL')),
  { maxKeys: 4 },
);
const path = constantFrom(...paths);
const port = oneof(integer({ min: 0, max: 70_000 }), constantFrom(0, 18_000, 18_009, 22));
const amount = oneof(integer({ min: -1, max: 10 }), constantFrom('1', '64M', '1G', '0.5', '1e9'));
/** Few at once, so that many a body is accepted. */
const maybe = <T>(arbitrary: Arbitrary<T>) =>
  oneof({ weight: 4, arbitrary: constant(undefined) }, { weight: 1, arbitrary });
const image = constantFrom('busybox', 'ghcr.io/team/tool:1');
const words = array(string({ maxLength: 5 }), { maxLength: 3 });

/** The fields of the jobs that a body makes; empty where it is refused. */
type Submit = (body: object) => Promise<SpecFields[]>;

function post(url: string, also: object = {}): Submit {
  return async (body) => {
    const { app, queue } = createTestApp({ optionsPolicy: policy });
    await app.request(url, {
      method: 'POST',
      headers: { 'x-vault-token': 's.token1', 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...also }),
    });
    return queue.submitted.map(({ fields }) => fields);
  };
}

const loadTemplate: Submit = async (body) => {
  const gaffer = {
    image: 'busybox',
    flapping: { attempts: 5, window: 60, retry_in: 30, max_retry: 10 },
    origins: [],
  };
  try {
    return [launch(readTemplate({ ...body }, { gaffer, optionsPolicy: policy }).template)];
  } catch (error) {
    if (error instanceof RefusedError) return [];
    throw error;
  }
};

/** Clients name only where the data cache lies; the rest the operator has set, and it is checked like anybody's. */
const startWorker: Submit = async (body) => {
  const { data_cache_path: cachePath } = body as { data_cache_path: string };
  const lopco = { network: undefined, cacheVolume: 'cache', limits: {} };
  const fields = { image: 'busybox', options: workerOptions(cachePath, lopco) };
  return [...checkFields(fields), ...findForbidden(fields.options, policy)].length > 0 ? [] : [fields];
};

const doors: Record<string, readonly [Submit, Arbitrary<object>]> = {
  gostint: [
    post('/v1/api/job'),
    tuple(
      extras,
      record({
        container_image: image,
        run: words,
        wrap_secret_id: constant('s.w'),
        tty: boolean(),
        init: boolean(),
      }),
    ).map(([more, body]) => ({ ...body, ...more })),
  ],
  jobproxy: [
    post('/v1/jobproxy/submit'),
    tuple(
      extras,
      extras,
      record({ cores: maybe(amount), memory: maybe(amount), cputime: maybe(amount) }),
      record({
        image,
        cmd: constant(['true']),
        ports: array(record({ port: record({ hostPort: port, containerPort: port }) }), { maxLength: 2 }),
        mounts: array(
          record({
            mount: record({
              hostPath: path,
              containerPath: constantFrom('/a', '/etc', '/b'),
              readonly: maybe(boolean()),
            }),
          }),
          { maxLength: 2 },
        ),
      }),
    ).map(([more, inner, limits, container]) => ({
      ...more,
      user: 'ines',
      ...limits,
      container: { ...inner, ...container },
    })),
  ],
  runai: [
    post('/api/v1/job'),
    tuple(
      extras,
      record({
        project: constant('vision'),
        image,
        hostNetwork: maybe(boolean()),
        hostIpc: maybe(boolean()),
        runAsUid: maybe(constantFrom(0, 1000, 2001)),
        runAsGid: maybe(constantFrom(0, 100)),
        gpu: maybe(integer({ min: 0, max: 4 })),
        cpuLimit: maybe(amount),
        memoryLimit: maybe(amount),
        largeShm: maybe(boolean()),
        createHomeDir: maybe(boolean()),
        ports: maybe(array(record({ container: port, external: port }), { maxLength: 2 })),
        volumes: maybe(
          array(
            record({ sourcePath: path, targetPath: constantFrom('/a', '/proc/x'), readOnly: boolean() }),
            { maxLength: 2 },
          ),
        ),
      }),
    ).map(([more, job]) => ({ job: { ...more, ...withoutUndefined(job) } })),
  ],
  gaffer: [
    loadTemplate,
    tuple(
      extras,
      record({
        name: constant('web'),
        cmd: constant('httpd'),
        image: maybe(image),
        uid: maybe(constantFrom(0, 1000, 2001)),
        gid: maybe(constantFrom(0, 100)),
        cwd: maybe(path),
        shell: maybe(boolean()),
        redirect_input: maybe(boolean()),
        graceful_timeout: maybe(integer({ min: 0, max: 100 })),
      }),
    ).map(([more, job]) => ({ ...more, ...withoutUndefined(job) })),
  ],
  lopco: [
    startWorker,
    record({ data_cache_path: constantFrom('/data_cache', '/etc', '/', '/proc/1', 'x', '/a/../b') }),
  ],
};

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function createRequest({ options = {}, ...fields }: SpecFields) {
  const { image: name = '', entrypoint = [], command = [], env = [], tty = false } = fields;
  const request = containerRequest({
    jobId: 'job-1',
    fence: 1,
    image: name,
    entrypoint,
    command,
    env,
    tty,
    options,
  });
  const prepared = { imageId: 'sha256:1', files: [], mounts: options.mounts ?? [], init: true };
  return createOptions(testSettings, request, prepared);
}

describe.each(Object.entries(doors))('C6: whatever is submitted at the door %s', (_, [submit, bodies]) => {
  test('the engine is asked for nothing outside of what the operator allows', async () => {
    let accepted = 0;
    await assert(
      asyncProperty(bodies, async (body) => {
        const jobs = await submit(body);
        accepted += jobs.length;
        expect(jobs.flatMap((fields) => findOutside(createRequest(fields), policy))).toEqual([]);
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});

test('an option that somebody lets through is found', () => {
  const good = createRequest({ image: 'busybox' });
  const { HostConfig: host } = good;

  expect(findOutside(good, policy)).toEqual([]);
  expect(findOutside({ ...good, HostConfig: { ...host, NetworkMode: 'host' } }, policy)).toEqual([
    'network: "host"',
  ]);
  const privileged = { ...host, Privileged: true };
  expect(findOutside({ ...good, HostConfig: privileged }, policy)).toEqual(['host options: "Privileged"']);
  expect(findOutside({ ...good, User: '0:0' }, policy)).toEqual(['user: "0:0"']);
  expect(findOutside({ ...good, HostConfig: { ...host, Memory: 2 ** 40 } }, policy)).toHaveLength(1);
});
