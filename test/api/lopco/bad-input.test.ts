import { expect, test } from 'vitest';
import { strictPolicy } from '../../../src/job/options/policy.js';
import type { LoggedLine } from '../../support/test-app.js';
import { badBodies, badJobs, badPipelines } from './bad-inputs.js';
import { allowed, createLopcoApp, newJob } from './lopco-app.js';

/** Texts that only a parser, a validator or a stack trace writes. */
const foreign = /Unexpected|SyntaxError|TypeError|undefined|NaN|\[object|node_modules|\.[jt]s\b|\n/;

/** What the log says of the refusal: the client gets nothing. */
function reasonIn(log: readonly LoggedLine[]): string {
  const told = log.filter(({ level }) => level === 'warn').map(({ facts }) => String(facts.reason));
  expect(told).toHaveLength(1);
  return told[0] ?? '';
}

function inOrder(reason: string): RegExp {
  const parts = reason.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*'));
}

test.each([...badBodies, ...badJobs])(
  'a new job is refused with an empty body, the log says why, and nothing is stored: $name',
  async ({ body, status, reason }) => {
    const { queue, log, ask } = createLopcoApp();

    const response = await ask('POST', '/job-manager/jobs', { body });

    expect([response.status, response.headers.get('content-type')]).toEqual([status, null]);
    expect(await response.text()).toBe('');
    expect(reasonIn(log)).toMatch(inOrder(reason));
    expect(reasonIn(log)).not.toMatch(foreign);
    expect(JSON.stringify(log)).not.toContain('canary');
    expect(queue.asked).toEqual([]);
  },
);

test.each([...badBodies, ...badPipelines])(
  'a pipeline is refused with an empty body, the log says why, and nothing is stored: $name',
  async ({ body, status, reason }) => {
    const { registry, log, ask } = createLopcoApp();

    const responses = [
      await ask('POST', '/pipeline-registry/pipelines', { body }),
      await ask('PUT', '/pipeline-registry/pipelines/p1', { body }),
    ];

    for (const response of responses) expect([response.status, await response.text()]).toEqual([status, '']);
    expect(reasonIn(log.slice(0, log.length / 2))).toMatch(inOrder(reason));
    expect(JSON.stringify(log)).not.toContain('canary');
    expect(await registry.list('pipeline', { everyone: true })).toEqual([]);
  },
);

test.each([
  ['no machine', {}, 'pipeline_id must be the id of a pipeline'],
  ['a number', { pipeline_id: 7 }, 'pipeline_id must be a text'],
])('a machine is refused: %s', async (_, body, reason) => {
  const { registry, log, ask } = createLopcoApp();

  const response = await ask('PUT', '/machine-registry/machines/m', { body });

  expect([response.status, await response.text()]).toEqual([400, '']);
  expect(reasonIn(log)).toMatch(inOrder(reason));
  expect(await registry.list('machine', { everyone: true })).toEqual([]);
});

test('every problem of a job is told', async () => {
  const { log, ask } = createLopcoApp();

  await ask('POST', '/job-manager/jobs', { body: { machine_id: 1, hash: 2, file_name: 3 } });

  expect(reasonIn(log)).toMatch(/machine_id.*hash.*file_name/);
});

test('without an address to call back no job is taken, and the log says which setting is missing', async () => {
  const { ask, log, queue } = createLopcoApp({
    lopco: {
      mostRunning: 2,
      parallel: 1,
      registries: {},
      callbackUrl: undefined,
      network: 'lopco',
      cacheVolume: 'cache',
      limits: { cpus: 64 },
      cleanUpImage: undefined,
      callbackKey: new Uint8Array(32),
    },
  });

  expect((await ask('POST', '/job-manager/jobs', { body: newJob })).status).toBe(403);
  expect(reasonIn(log)).toMatch(
    /STINT_LOPCO_CALLBACK_URL.*`STINT_LOPCO_NETWORK` asks for the network "lopco" \(STINT_ALLOW_NETWORKS\).*"cache" read-write \(STINT_ALLOW_VOLUMES\).*`STINT_LOPCO_CPUS` asks for 64/,
  );
  expect(queue.asked).toEqual([]);
});

test('what workers need must be allowed by the operator', async () => {
  const { log, ask, queue } = createLopcoApp({
    policyFor: () => ({ ...strictPolicy, mounts: allowed.mounts }),
  });

  expect((await ask('POST', '/job-manager/jobs', { body: newJob })).status).toBe(403);
  expect(reasonIn(log)).toMatch(/the user of its image \(STINT_ALLOW_USERS\)/);
  expect(queue.asked).toEqual([]);
});
