import { describe, expect, test } from 'vitest';
import type { Door } from '../../src/job/job.js';
import { strictPolicy } from '../../src/job/options/policy.js';
import { type AllowRule, policiesOf } from '../../src/job/options/rules.js';
import { createTestApp, doorSettings } from '../support/test-app.js';
import { createGafferApp } from './gaffer/gaffer-app.js';

const image = 'registry.internal:5000/tool';
const stage = { worker: { image, input: { type: 'single' } }, input_map: { a: 'init_source' } };

type Submit = readonly [method: string, path: string, body: object];

/** At each door a job, or what one is made of, with an image that is not allowed to all. */
const submits: Record<Door, Submit> = {
  gostint: ['POST', '/v1/api/job', { wrap_secret_id: 's.w', qname: 'Build-1', container_image: image }],
  jobproxy: ['POST', '/v1/jobproxy/submit', { user: 'ines', cmd: ['true'], container: { image } }],
  runai: ['POST', '/api/v1/job', { job: { project: 'build-1', image, backoffLimit: 0 } }],
  gaffer: ['POST', '/jobs/team', { name: 'web', cmd: 'httpd', image }],
  lopco: ['PUT', '/pipeline-registry/pipelines/p1', { stages: [stage] }],
};

async function statusOf([method, path, body]: Submit, rules: readonly AllowRule[]): Promise<number> {
  const changes = {
    policyFor: policiesOf({ ...strictPolicy, mostStopGraceMs: 60_000 }, rules),
    runai: { projects: undefined, serialProjects: true },
    jobproxy: { ...doorSettings.jobproxy, queue: 'build-1' },
  };
  const { app } = path.startsWith('/jobs/') ? createGafferApp(changes) : createTestApp(changes);
  const response = await app.request(path, {
    method,
    headers: { 'x-vault-token': 's.token1', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.status;
}

const allows = { images: ['registry.internal:5000/**'] };
const isAccepted = (status: number) => status >= 200 && status < 300;

describe.each(Object.entries(submits) as [Door, Submit][])('at the door %s', (door, submit) => {
  test('a rule of this door allows more, one of another door does not', async () => {
    const other = door === 'runai' ? 'gaffer' : 'runai';

    expect(await statusOf(submit, [])).toBeGreaterThanOrEqual(400);
    expect(await statusOf(submit, [{ door: other, allows }])).toBeGreaterThanOrEqual(400);
    expect(await statusOf(submit, [{ door, allows }])).toSatisfy(isAccepted);
  });
});

test.each<Door>(['gostint', 'jobproxy', 'runai'])(
  'at the door %s a rule of the queue that a job is in allows more, one of another queue does not',
  async (door) => {
    const submit = submits[door];

    expect(await statusOf(submit, [{ queue: 'build', allows }])).toBeGreaterThanOrEqual(400);
    expect(await statusOf(submit, [{ queue: 'build-*', allows }])).toSatisfy(isAccepted);
  },
);

test('the runs of a job of several count where they run, not where their parent waits', async () => {
  const [method, path] = submits.runai;
  const job = { project: 'build-1', image, completions: 2 };

  expect(await statusOf([method, path, { job }], [{ queue: 'build-1', allows }])).toSatisfy(isAccepted);
});

test('a job without a queue fits no rule of one', async () => {
  for (const door of ['gaffer', 'lopco'] as const)
    expect(await statusOf(submits[door], [{ queue: '*', allows }])).toBeGreaterThanOrEqual(400);
});
