import { randomBytes } from 'node:crypto';
import { afterAll, expect, test, vi } from 'vitest';
import { newJobId } from '../../src/job/id.js';
import { containerExists, leaveContainer } from './left-container.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const sealKey = randomBytes(32);
const policy = uniqueName();
const settings = { STINT_SEAL_KEY: sealKey.toString('base64'), STINT_OPERATOR_POLICIES: policy };
const on = await startStintOnRig(settings);
const { client, docker, stint } = on;
const token = await client.minimalToken();
const made = await new VaultOperator(on.vault).write('auth/token/create', { policies: ['default', policy] });
const asOperator = { 'x-auth-token': made.auth.client_token };
afterAll(() => on[Symbol.asyncDispose]());

async function post(path: string, body: object, headers: Record<string, string>): Promise<Response> {
  const sent = { 'x-auth-token': token, ...headers };
  return fetch(`${stint.url}${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) });
}

async function newSubmit(): Promise<object> {
  const payload = { qname: 'once', container_image: image, run: ['true'] };
  const cubbyhole = await client.leaveInCubbyhole(await client.encrypt(payload));
  return { qname: 'once', ...cubbyhole, wrap_secret_id: await client.wrapSecretId() };
}

async function askReaper(method: 'GET' | 'POST'): Promise<unknown> {
  const answer = await fetch(`${stint.url}/stint/v1/reaper`, { method, headers: asOperator });
  return answer.json();
}

test('Q5: equal submits under one key at once make one job that succeeds, since nothing was spent twice', async () => {
  const submit = await newSubmit();
  const headers = { 'Idempotency-Key': 'nightly-1' };

  const first = await Promise.all([1, 2, 3, 4, 5].map(() => post('/v1/api/job', submit, headers)));
  const later = await post('/v1/api/job', submit, headers);

  expect(first.filter(({ status }) => status !== 409).every(({ status }) => status === 200)).toBe(true);
  expect(first.some(({ headers: told }) => told.get('idempotent-replayed') === null)).toBe(true);
  expect(later.status).toBe(200);
  expect(later.headers.get('idempotent-replayed')).toBe('true');
  const answer = (await later.json()) as { _id: string };
  const { _id: id } = answer;
  expect(answer).toMatchObject({ status: 'queued', qname: 'once' });
  expect(await client.wait(id)).toMatchObject({ status: 'success' });
  expect(await (await post('/v1/api/job', submit, headers)).json()).toEqual(answer);
  expect((await post('/v1/api/job', await newSubmit(), headers)).status).toBe(422);
});

test('E4: an operator sees what would be removed, has it removed, and the job has an event of it', async () => {
  const { _id: job } = await on.run({ run: ['true'] });
  const id = await leaveContainer(docker, sealKey, job);
  const foreign = await leaveContainer(docker, randomBytes(32), job);
  const candidate = { container_id: id, job, node: 'gone', reason: 'job_ended' };

  expect(await askReaper('GET')).toEqual({ containers: [expect.objectContaining(candidate)] });
  expect(await containerExists(docker, id)).toBe(true);
  expect(await askReaper('POST')).toEqual({ containers: [expect.objectContaining(candidate)] });

  expect(await containerExists(docker, id)).toBe(false);
  expect(await containerExists(docker, foreign)).toBe(true);
  expect(await askReaper('GET')).toEqual({ containers: [] });
  const answer = await fetch(`${stint.url}/stint/v1/jobs/${job}`, { headers: asOperator });
  expect(JSON.stringify(await answer.json())).toContain('container_removed');
  await docker.getContainer(foreign).remove();
});

test('E4: a container without a job is removed by the node once it is older than the grace', async () => {
  const key = randomBytes(32);
  const id = await leaveContainer(docker, key, newJobId());
  const own = { STINT_SEAL_KEY: key.toString('base64'), STINT_REAP_GRACE: '1s' };
  await using hasty = await startStintOnRig(own);

  await vi.waitFor(async () => expect(await containerExists(docker, id)).toBe(false), {
    timeout: 15_000,
    interval: 100,
  });

  expect(hasty.log()).toContain('removed a container that was left behind');
});
