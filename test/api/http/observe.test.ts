import { expect, test } from 'vitest';
import { createTestApp } from '../../support/test-app.js';

const canary = 'hvs.CANARY-4711';

test('a request is one line in the log, with the ids of request and job and the pattern of its path', async () => {
  const { log, queue, send } = createTestApp();
  const { id } = queue.add();

  const response = await send('GET', `/v1/api/job/${id}?token=${canary}`);

  expect(log).toEqual([
    {
      level: 'info',
      message: 'Answered a request.',
      facts: {
        requestId: response.headers.get('x-request-id'),
        jobId: id,
        method: 'GET',
        path: '/v1/api/job/:id',
        status: 200,
        ms: expect.any(Number),
      },
    },
  ]);
});

test('a request that submits a job names it', async () => {
  const { log, send } = createTestApp();

  const { _id } = (await (await send('POST', '/v1/api/job', '{"wrap_secret_id":"s.w"}')).json()) as {
    _id: string;
  };

  expect(log).toMatchObject([{ facts: { jobId: _id, path: '/v1/api/job' } }]);
});

test('a request that is refused says with which code', async () => {
  const { log, send } = createTestApp();

  await send('GET', '/v1/api/job/NOPE');

  expect(log).toMatchObject([
    { level: 'info', message: 'Refused a request.', facts: { status: 400, refusal: 'invalid_request' } },
  ]);
});

test('a request leaves no secret in the log, wherever the caller put it', async () => {
  const { app, log, queue } = createTestApp();
  const headers = { 'x-auth-token': 's.token1', 'x-request-id': `${canary}!`, 'user-agent': canary };
  const body = JSON.stringify({
    wrap_secret_id: canary,
    cubby_token: canary,
    cubby_path: canary,
    env_vars: [canary],
  });

  await app.request('/v1/api/job', { method: 'POST', headers, body });
  await app.request(`/v1/api/job/${canary}`, { headers });
  await app.request(`/${canary}`, { headers });
  await app.request('/v1/api/job', { headers: { 'x-auth-token': canary } });
  await app.request(`/v1/api/job?limit=${canary}`, { headers });

  expect(queue.asked).toEqual([]);
  expect(log).toHaveLength(5);
  expect(JSON.stringify(log)).not.toContain('CANARY');
});

test('a request keeps the id that the caller gave it, when it is fit for a log', async () => {
  const { app } = createTestApp();
  const idOf = async (given: string) => {
    const response = await app.request('/nowhere', { headers: { 'x-request-id': given } });
    return response.headers.get('x-request-id');
  };

  expect(await idOf('trace-1.2_3')).toBe('trace-1.2_3');
  expect(await idOf('with blank')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await idOf('x'.repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
});

test('a request is answered with headers that forbid keeping and guessing, also when it is refused', async () => {
  const { app } = createTestApp();

  for (const path of ['/healthz', '/nowhere', '/v1/api/job']) {
    const { headers } = await app.request(path);

    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-request-id')).not.toBeNull();
  }
});
