import { expect, test } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import { knownJob } from '../../support/fake-operations.js';
import { createTestApp } from '../../support/test-app.js';

const reason = '{"reason":"maintenance"}';
const job = `/stint/v1/jobs/${knownJob}`;

/** Every native route, with a valid request for it. */
const routes = [
  { method: 'GET', path: '/stint/v1/queues' },
  { method: 'GET', path: '/stint/v1/queues/demo' },
  { method: 'POST', path: '/stint/v1/queues/demo/pause', body: reason },
  { method: 'POST', path: '/stint/v1/queues/demo/resume' },
  { method: 'POST', path: '/stint/v1/queues/demo/release', body: reason },
  { method: 'PUT', path: '/stint/v1/queues/demo/settings', body: '{"max_waiting":5}' },
  { method: 'GET', path: '/stint/v1/nodes' },
  { method: 'POST', path: '/stint/v1/nodes/node-1/drain' },
  { method: 'POST', path: '/stint/v1/nodes/node-1/undrain' },
  { method: 'GET', path: job, own: true },
  { method: 'POST', path: `${job}/kill`, body: reason },
  { method: 'POST', path: `${job}/finalise`, body: reason },
  { method: 'GET', path: '/stint/v1/audit/head' },
  { method: 'GET', path: '/stint/v1/secrets?path=kv/data/app&version=2' },
  { method: 'GET', path: '/stint/v1/reaper' },
  { method: 'POST', path: '/stint/v1/reaper' },
];

/** Callers, and the HTTP status each must get: from a route for operators, and from one for owners too. */
const askers = [
  { who: 'nobody', headers: {}, operators: 401, owners: 401 },
  { who: 'a token that Vault refuses', headers: { 'x-auth-token': 's.no' }, operators: 401, owners: 401 },
  { who: 'a stranger', headers: { 'x-auth-token': 's.token2' }, operators: 403, owners: 404 },
  { who: 'the owner', headers: { 'x-auth-token': 's.token1' }, operators: 403, owners: 200 },
  { who: 'an operator', headers: { authorization: 'Bearer s.operator' }, operators: 200, owners: 200 },
];

const table = askers.flatMap(({ who, headers, operators, owners }) =>
  routes.map(({ own, ...route }) => ({ ...route, who, headers, status: own ? owners : operators })),
);

test.each(table)('$who gets $status of $method $path', async ({ method, path, body, headers, status }) => {
  const { app, operations, queue } = createTestApp();
  queue.add({ id: knownJob });

  const response = await app.request(path, { method, headers, ...(body !== undefined && { body }) });

  expect(response.status).toBe(status);
  if (status === 200) return;
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await response.json()).toEqual({
    type: 'about:blank',
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code: expect.any(String),
  });
  expect(operations.asked.filter(([what]) => what !== 'job')).toEqual([]);
  expect(queue.job(knownJob).killRequestedAt).toBeUndefined();
});

test.each(routes.filter(({ own }) => !own))(
  'while no policy makes operators $method $path is closed, and says what opens it',
  async ({ method, path, body }) => {
    const { app, operations } = createTestApp({ operatorPolicies: [] });
    const headers = { 'x-auth-token': 's.operator' };

    const response = await app.request(path, { method, headers, ...(body !== undefined && { body }) });

    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('STINT_OPERATOR_POLICIES'),
    });
    expect(operations.asked).toEqual([]);
  },
);

test('the right comes before the body: a stranger learns nothing of what a good one would be', async () => {
  const { send } = createTestApp();

  expect((await send('POST', '/stint/v1/queues/demo/pause', 'nonsense')).status).toBe(403);
});

test('a shared access makes nobody an operator', async () => {
  const { send } = createTestApp({ access: 'shared' });

  expect((await send('GET', '/stint/v1/queues')).status).toBe(403);
  expect((await send('GET', job)).status).toBe(200);
});

test('a token is wanted before anything is said of a path', async () => {
  const { app } = createTestApp();

  const response = await app.request('/stint/v1/nothing');

  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
});

test('an operator whom Vault accepted before is known here while Vault cannot answer, and not on the routes of GoStint', async () => {
  const remembering: boolean[] = [];
  const { app } = createTestApp({
    identify: async (_, mayRemember = false) => {
      remembering.push(mayRemember);
      throw new BrokenError('vault_unavailable', 'Vault is sealed.');
    },
  });

  for (const path of ['/stint/v1/queues', '/v1/api/job'])
    await app.request(path, { headers: { 'x-auth-token': 's.token1' } });

  expect(remembering).toEqual([true, false]);
});
