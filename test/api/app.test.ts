import { describe, expect, test } from 'vitest';
import { BrokenError, RefusedError } from '../../src/job/errors.js';
import { createTestApp } from '../support/test-app.js';

describe('a door that is switched off', () => {
  test('takes no jobs: its paths are unknown, in the form of the door that answers everywhere', async () => {
    const { queue, send } = createTestApp({ doors: [] });

    const response = await send('POST', '/v1/api/job', '{"wrap_secret_id":"s.wrap"}');

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ status: 'Not Found.' });
    expect(queue.submitted).toEqual([]);
  });

  test('leaves the routes of stint itself', async () => {
    const { send } = createTestApp({ doors: [] });

    expect((await send('GET', '/healthz')).status).toBe(200);
    expect((await send('GET', '/stint/v1/openapi.json')).status).toBe(200);
  });
});

const refuse = () => Promise.reject(new RefusedError('rate_limited', 'Later.'));

describe('A2: too many tokens that Vault refused', () => {
  test.each([
    ['gostint', '/v1/api/job', '{"status":"Too Many Requests.","error":"Later."}'],
    ['jobproxy', '/v1/jobproxy/state', 'Later.'],
    ['runai', '/api/job', '{"status":429,"message":"too many requests","details":"Later."}'],
    ['gaffer', '/jobs/sessions', '{"error":429,"reason":"too many requests","details":"Later."}'],
    ['lopco', '/job-manager/jobs', ''],
    [
      'native',
      '/stint/v1/queues',
      '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Later.","code":"rate_limited"}',
    ],
  ])('are answered 429 with `Retry-After` in the form of the door %s', async (_, path, body) => {
    const { app } = createTestApp({ identify: refuse });

    const response = await app.request(path, { headers: { 'X-Auth-Token': 's.bad' } });

    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.text()).toBe(body);
  });
});

describe('P16: where as much waits as may', () => {
  test.each([
    ['gostint', '/v1/api/job', '{"status":"Service Unavailable.","error":"Later."}'],
    ['jobproxy', '/v1/jobproxy/state', 'Later.'],
    ['runai', '/api/job', '{"status":503,"message":"too many jobs wait","details":"Later."}'],
    ['gaffer', '/jobs/sessions', '{"error":503,"reason":"too many jobs wait","details":"Later."}'],
    ['lopco', '/job-manager/jobs', ''],
  ])('the answer is 429 or 503 with `Retry-After` in the form of the door %s', async (_, path, body) => {
    const { queue, send } = createTestApp();
    queue.failure = new RefusedError('owner_full', 'Later.');
    const owner = await send('GET', path);
    queue.failure = new RefusedError('waiting_full', 'Later.');

    const all = await send('GET', path);

    expect([owner.status, owner.headers.get('retry-after')]).toEqual([429, '5']);
    expect([all.status, all.headers.get('retry-after'), await all.text()]).toEqual([503, '5', body]);
  });
});

test.each(['/v1/api/job', '/v1/jobproxy/state', '/stint/v1/queues'])(
  'A8: a text that Postgres does not take makes no failure of ours at %s, whoever wrapped its error',
  async (path) => {
    const driver = Object.assign(new Error('invalid byte sequence'), { code: '22021' });
    for (const cause of [driver, new Error('drizzle', { cause: driver })]) {
      const { app, queue, operations } = createTestApp();
      queue.failure = new BrokenError('internal', 'SQLSTATE 22021', { cause, retryable: false });
      operations.queues = () => Promise.reject(queue.failure);

      const response = await app.request(path, { headers: { 'x-auth-token': 's.operator' } });

      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain('SQLSTATE');
    }
  },
);
