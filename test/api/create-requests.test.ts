import { type Arbitrary, assert, asyncProperty, constantFrom, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTemplate } from '../../src/api/gaffer/template/read-template.js';
import { launch } from '../../src/api/gaffer/template/template.js';
import { workerOptions } from '../../src/api/lopco/pipeline/workers/worker.js';
import { createOptions } from '../../src/docker/container/container.js';
import { checkFields } from '../../src/job/check.js';
import { RefusedError } from '../../src/job/errors.js';
import type { Door, SpecFields } from '../../src/job/job.js';
import { findForbidden, type OptionsPolicy, strictPolicy } from '../../src/job/options/policy.js';
import { findOutside } from '../support/allowed-create.js';
import { testSettings } from '../support/backend-parts.js';
import { containerRequest } from '../support/container-request.js';
import { createTestApp } from '../support/test-app.js';
import { wildBodies } from '../support/wild-bodies.js';

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

/** The fields of the jobs that a body makes; empty where it is refused. */
type Submit = (body: object) => Promise<SpecFields[]>;

function post(url: string, also: object = {}): Submit {
  return async (body) => {
    const { app, queue } = createTestApp({ policyFor: () => policy });
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
    return [launch(readTemplate({ ...body }, { gaffer, policyFor: () => policy }).template)];
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

const { gostint, jobproxy, runai, gaffer } = wildBodies(['busybox', 'ghcr.io/team/tool:1'], '/srv');
const doors: Record<Door, readonly [Submit, Arbitrary<object>]> = {
  gostint: [post('/v1/api/job'), gostint],
  jobproxy: [post('/v1/jobproxy/submit'), jobproxy],
  runai: [post('/api/v1/job'), runai],
  gaffer: [loadTemplate, gaffer],
  lopco: [
    startWorker,
    record({ data_cache_path: constantFrom('/data_cache', '/etc', '/', '/proc/1', 'x', '/a/../b') }),
  ],
};

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
