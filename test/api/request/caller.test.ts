import { describe, expect, test } from 'vitest';
import { createTestApp } from '../../support/test-app.js';

describe('the token', () => {
  test.each([
    ['X-Auth-Token', { 'X-Auth-Token': 's.token1' }],
    ['X-Vault-Token', { 'X-Vault-Token': 's.token1' }],
    ['Bearer', { Authorization: 'Bearer s.token1' }],
    ['bearer in small letters', { authorization: 'bearer   s.token1 ' }],
    [
      'X-Auth-Token before the others',
      { 'X-Auth-Token': 's.token1', 'X-Vault-Token': 'b', Authorization: 'Bearer c' },
    ],
    ['X-Vault-Token before Bearer', { 'X-Vault-Token': 's.token1', Authorization: 'Bearer c' }],
    ['the next one after an empty header', { 'X-Auth-Token': '', Authorization: 'Bearer s.token1' }],
  ])('is taken from %s', async (_, headers) => {
    const { app, identified } = createTestApp();

    const response = await app.request('/v1/api/job', { headers });

    expect(response.status).toBe(200);
    expect(identified).toEqual(['s.token1']);
  });

  test.each<[string, string, Record<string, string>]>([
    ['GET', '/v1/api/job', {}],
    ['GET', '/v1/api/job/NOPE', {}],
    ['PUT', '/v1/api/job/NOPE', {}],
    ['GET', '/v1/api/job/no/such/path', {}],
    ['POST', '/v1/api/job', { 'X-Auth-Token': '' }],
    ['POST', '/v1/api/job/kill/NOPE', { Authorization: 'Basic dXNlcjpwYXNz' }],
  ])('is missed before the path is looked at: %s %s', async (method, path, headers) => {
    const { app, identified, queue } = createTestApp();

    const response = await app.request(path, { method, headers });

    expect(response.status).toBe(400);
    expect(await response.text()).toBe('{"status":"Invalid request.","error":"Missing X-Auth-Token"}');
    expect([...identified, ...queue.asked]).toEqual([]);
  });

  test('that Vault refuses is refused, before the body is read', async () => {
    const { app, queue } = createTestApp();
    let read = 0;
    const body = new ReadableStream({
      pull: () => {
        read += 1;
      },
    });
    const init = { method: 'POST', headers: { 'x-auth-token': 's.revoked' }, body, duplex: 'half' } as const;

    const response = await app.request('/v1/api/job', init);

    expect(response.status).toBe(403);
    expect(await response.text()).toBe(
      '{"status":"Permission Denied.","error":"token rejected by Vault (Code: 403)"}',
    );
    expect(queue.asked).toEqual([]);
    expect(read).toBeLessThanOrEqual(1); // The stream itself reads once when it is created.
  });

  test.each(['/v1/api/health', '/v1/api/vault/info', '/v1/api/metrics', '/login', '/healthz', '/readyz'])(
    'is not wanted by %s',
    async (path) => {
      const { app, identified } = createTestApp();

      expect((await app.request(path)).status).toBeLessThan(400);
      expect(identified).toEqual([]);
    },
  );
});
