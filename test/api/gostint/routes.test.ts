import { expect, test } from 'vitest';
import type { AppParts } from '../../../src/api/parts.js';
import { BrokenError, RefusedError } from '../../../src/job/errors.js';
import { outputOf } from '../../support/fake-queue.js';
import { createTestApp } from '../../support/test-app.js';

const json = 'application/json; charset=utf-8';
const wrap = 's.wrap42';

test('a submit takes what the original takes, whatever the content type says, and answers its three fields', async () => {
  const { app, queue } = createTestApp();

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers: { 'x-auth-token': 's.token1', 'content-type': 'application/x-www-form-urlencoded' },
    body: `{"qname":"Nightly-Report","cubby_token":"s.cubby77","cubby_path":"cubbyhole/job","wrap_secret_id":"${wrap}"}`,
  });

  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(json);
  expect(await response.json()).toEqual({
    _id: expect.stringMatching(/^[0-9a-f]{24}$/),
    status: 'queued',
    qname: 'nightly-report',
  });
  const [request] = queue.submitted;
  expect(request).toMatchObject({ door: 'gostint', queue: 'nightly-report', owner: { key: 'entity:e1' } });
  expect(request?.wrappedSecretId?.reveal()).toBe(wrap);
  expect(request?.payload).toMatchObject({ kind: 'cubbyhole', path: 'cubbyhole/job' });
});

test('a submit without a queue name goes to the queue of the empty name', async () => {
  const { queue, send } = createTestApp();

  const response = await send('POST', '/v1/api/job/', `{"wrap_secret_id":"${wrap}"}`);

  expect(await response.json()).toMatchObject({ qname: '' });
  expect(queue.submitted[0]).toMatchObject({ queue: '', payload: { kind: 'none' } });
});

test('a submit is refused while the server drains, before Vault or the queue is asked for anything of the job', async () => {
  const { queue, send } = createTestApp({ isDraining: () => true });

  const response = await send('POST', '/v1/api/job', `{"wrap_secret_id":"${wrap}"}`);

  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(await response.json()).toMatchObject({ status: 'Service Unavailable.' });
  expect(queue.asked).toEqual([]);
});

test.each<[string, Partial<AppParts>, string]>([
  [
    'is being shut down',
    { isDraining: () => true, isShuttingDown: () => true },
    'again once it has restarted',
  ],
  ['was drained by an operator', { isDraining: () => true }, 'POST /stint/v1/nodes/{id}/undrain'],
])('a submit to a node that %s says so, and what to do', async (why, parts, whatToDo) => {
  const { send } = createTestApp(parts);

  const response = await send('POST', '/v1/api/job', `{"wrap_secret_id":"${wrap}"}`);

  const text = await response.text();
  expect(text).toContain(why);
  expect(text).toContain('another node');
  expect(text).toContain(whatToDo);
});

test('a submit whose cubbyhole cannot be read is a server error with the words of the original', async () => {
  const { queue, send } = createTestApp();
  queue.failure = new RefusedError(
    'cubbyhole_unreadable',
    'POSSIBLE SECURITY/INTERCEPTION ALERT: read it again.',
  );

  const response = await send('POST', '/v1/api/job', `{"wrap_secret_id":"${wrap}"}`);

  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({
    status: 'Internal Error.',
    error: 'POSSIBLE SECURITY/INTERCEPTION ALERT: read it again.',
  });
});

test('Q11: a submit to a queue that is full is answered 429 and when to come again', async () => {
  const { queue, send } = createTestApp();
  queue.failure = new RefusedError('queue_full', 'The queue "demo" is full.');

  const response = await send('POST', '/v1/api/job', `{"wrap_secret_id":"${wrap}"}`);

  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(await response.json()).toEqual({ status: 'Too Many Requests.', error: 'The queue "demo" is full.' });
});

test('V6: a submit that may not run in time is answered with warnings, and others without the field', async () => {
  const { queue, send } = createTestApp();
  queue.warnings = ['The wrapped SecretID ends soon.'];

  const response = await send('POST', '/v1/api/job', `{"wrap_secret_id":"${wrap}"}`);

  expect(await response.json()).toMatchObject({
    status: 'queued',
    warnings: ['The wrapped SecretID ends soon.'],
  });
});

test('one job is shown with every field, also under an id in capitals with blanks and a slash', async () => {
  const { queue, send } = createTestApp();
  queue.add(
    {
      id: '68f3a1c25b7e4d0011aa22bb',
      queue: 'nightly-report',
      state: 'succeeded',
      node: '7b0e6f0a-52d1-4c7e-9a4e-1f6d0c9b8a77',
      image: 'alpine:3.20',
      containerId: '5f1c0d9e',
      exitCode: 0,
      startedAt: new Date('2025-10-18T14:18:43.020Z'),
      finishedAt: new Date('2025-10-18T14:18:45.377Z'),
    },
    outputOf('report ready\n'),
  );

  const response = await send('GET', '/v1/api/job/%2068F3A1C25B7E4D0011AA22BB%20/');

  expect(response.headers.get('content-type')).toBe(json);
  expect(await response.text()).toBe(
    '{"_id":"68f3a1c25b7e4d0011aa22bb","status":"success","node_uuid":"7b0e6f0a-52d1-4c7e-9a4e-1f6d0c9b8a77",' +
      '"qname":"nightly-report","container_image":"alpine:3.20","submitted":"2025-10-18T14:18:42.101Z",' +
      '"started":"2025-10-18T14:18:43.020Z","ended":"2025-10-18T14:18:45.377Z","output":"report ready\\n",' +
      '"stderr":"","return_code":0,"tty":false,"container_id":"5f1c0d9e","kill_requested":false}',
  );
});

test('one job that is foreign looks like one that is missing', async () => {
  const { app, queue, send } = createTestApp();
  const { id } = queue.add();
  const foreign = { headers: { 'x-auth-token': 's.token2' } };

  const seen = await app.request(`/v1/api/job/${id}`, foreign);
  const missing = await send('GET', '/v1/api/job/68f3a2015b7e4d0011aa22bd');

  expect(seen.status).toBe(404);
  expect(await seen.text()).toBe('{"status":"Not Found.","error":"not found"}');
  expect(missing.status).toBe(404);
  expect(await missing.text()).toBe('{"status":"Not Found.","error":"not found"}');
});

test('one job that is foreign is shown where access is shared', async () => {
  const { app, queue } = createTestApp({ access: 'shared' });
  const { id } = queue.add();

  const response = await app.request(`/v1/api/job/${id}`, { headers: { 'x-auth-token': 's.token2' } });

  expect(response.status).toBe(200);
});

test('one job answers HEAD as GET, without a body', async () => {
  const { queue, send } = createTestApp();
  const { id } = queue.add();

  const response = await send('HEAD', `/v1/api/job/${id}`);

  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(json);
  expect(await response.text()).toBe('');
});

test('the list pages by ten, newest first', async () => {
  const { queue, send } = createTestApp();
  const ids = Array.from({ length: 12 }, () => queue.add().id).toReversed();

  const first = (await (await send('GET', '/v1/api/job')).json()) as { data: Record<string, unknown>[] };
  const second = (await (await send('GET', '/v1/api/job/?skip=10')).json()) as typeof first;

  expect(first).toMatchObject({ skip: 0, limit: 10, total: 12 });
  expect(second).toMatchObject({ skip: 10, limit: 10, total: 12 });
  expect([...first.data, ...second.data]).toMatchObject(ids.map((id) => ({ _id: id })));
});

test('the list that is empty is a list all the same', async () => {
  const { send } = createTestApp();

  expect(await (await send('GET', '/v1/api/job?skip=10')).text()).toBe(
    '{"data":[],"skip":10,"limit":10,"total":0}',
  );
});

test.each([
  ['skip=-3', { skip: 0, limit: 10 }],
  ['skip=two', { skip: 0, limit: 10 }],
  ['skip=1e3', { skip: 0, limit: 10 }],
  ['skip=99999999999999999999', { skip: 0, limit: 10 }],
  ['skip=&limit=', { skip: 0, limit: 10 }],
  ['limit=100&foo=bar', { skip: 0, limit: 100 }],
  ['qname=Play+Job%201', { skip: 0, limit: 10, queue: 'play job 1' }],
  ['qname=', { skip: 0, limit: 10, queue: '' }],
  ['status=running', { skip: 0, limit: 10, states: [{ state: 'preparing' }, { state: 'running' }] }],
  [
    'status=failed&status=unknown',
    {
      skip: 0,
      limit: 10,
      states: [{ state: 'failed', exceptReason: 'auth_refused' }, { state: 'canceled' }, { state: 'lost' }],
    },
  ],
])('the list understands ?%s', async (query, filter) => {
  const { queue, send } = createTestApp();

  const response = await send('GET', `/v1/api/job?${query}`);

  expect(response.status).toBe(200);
  expect(queue.filters).toEqual([filter]);
  expect(await response.json()).toMatchObject({ skip: filter.skip, limit: filter.limit });
});

test('a kill answers the state at the time of the request, and twice the same', async () => {
  const { queue, send } = createTestApp();
  const { id } = queue.add({ state: 'running', containerId: 'aa10' });

  for (const path of [`/v1/api/job/kill/${id}`, `/v1/api/job/kill/${id.toUpperCase()}/`]) {
    const response = await send('POST', path);

    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      `{"_id":"${id}","container_id":"aa10","status":"running","kill_requested":true}`,
    );
  }
  expect(await (await send('GET', `/v1/api/job/${id}`)).json()).toMatchObject({ kill_requested: true });
});

test('a kill of a job that has ended is no error', async () => {
  const { queue, send } = createTestApp();
  const { id } = queue.add({ state: 'succeeded', exitCode: 0 });

  const response = await send('POST', `/v1/api/job/kill/${id}`);

  expect(await response.json()).toMatchObject({
    status: 'success',
    container_id: '',
    kill_requested: true,
  });
});

test.each(['preparing', 'running', 'stopping'] as const)(
  'a delete of a job that is %s is refused',
  async (state) => {
    const { queue, send } = createTestApp();
    const { id } = queue.add({ state });

    const response = await send('DELETE', `/v1/api/job/${id}`);

    expect(response.status).toBe(400);
    expect(await response.text()).toBe(
      '{"status":"Invalid job request.","error":"Cannot delete a running/stopping job"}',
    );
  },
);

test('a delete answers the id and takes the job away', async () => {
  const { queue, send } = createTestApp();
  const { id } = queue.add();

  expect(await (await send('DELETE', `/v1/api/job/${id.toUpperCase()}`)).text()).toBe(`{"_id":"${id}"}`);
  expect((await send('GET', `/v1/api/job/${id}`)).status).toBe(404);
});

test.each([
  ['PUT', '/v1/api/job', 'GET, HEAD, POST'],
  ['DELETE', '/v1/api/job/', 'GET, HEAD, POST'],
  ['POST', '/v1/api/job/68f3a2015b7e4d0011aa22bd', 'GET, HEAD, DELETE'],
  ['GET', '/v1/api/job/kill/68f3a2015b7e4d0011aa22bd', 'POST'],
  ['POST', '/v1/api/health', 'GET, HEAD'],
  ['OPTIONS', '/v1/api/metrics', 'GET, HEAD'],
  ['POST', '/healthz', 'GET, HEAD'],
])('whatever is missing or broken %s %s names the methods that there are', async (method, path, allowed) => {
  const { send } = createTestApp();

  const response = await send(method, path);

  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe(allowed);
  const expected = { status: 'Method Not Allowed.', error: expect.stringContaining(method) };
  expect(await response.json()).toEqual(expected);
});

test.each(['/v1', '/v1/api/nothing', '/V1/api/health', '/v1/api/health/x', '/v1/api/job/kill/a/b'])(
  '%s is not found, in the form of the door',
  async (path) => {
    const { send } = createTestApp();

    const response = await send('GET', path);

    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe(json);
    expect(await response.json()).toEqual({
      status: 'Not Found.',
      error:
        'The path was not found: the README lists those below `/v1/api/`, `GET /stint/v1/openapi.json` those below `/stint/v1/`.',
    });
  },
);

test('an unavailable part is reported in our own words', async () => {
  const { log, queue, send } = createTestApp();
  queue.failure = new BrokenError('database_unavailable', 'Could not reach the database.');

  const response = await send('GET', '/v1/api/job');

  expect(response.status).toBe(500);
  expect(await response.text()).toBe('{"status":"Internal Error.","error":"Could not reach the database."}');
  expect(log).toMatchObject([{ level: 'warn', facts: { status: 500, error: queue.failure } }]);
});

test('an unavailable Vault is never a refused token', async () => {
  const { send } = createTestApp({
    identify: async () => {
      throw new BrokenError('vault_unavailable', "Could not check the caller's token: Vault is sealed.");
    },
  });

  const response = await send('GET', '/v1/api/job');

  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ status: 'Internal Error.' });
});

test('a bug says nothing of itself, but its request id and the log line under it', async () => {
  const { log, queue, send } = createTestApp();
  queue.failure = new TypeError('secret-canary of undefined');

  const response = await send('GET', '/v1/api/job');

  expect(response.status).toBe(500);
  const id = response.headers.get('x-request-id') ?? 'none';
  const text = await response.text();
  expect(text).toContain('"Internal Error."');
  expect(text).toContain(id);
  expect(text).not.toContain('canary');
  expect(log).toMatchObject([{ level: 'error', facts: { requestId: id, error: queue.failure } }]);
});

test('the deep link of the web page leads back to it', async () => {
  const { app } = createTestApp();

  const response = await app.request('/login');

  expect(response.status).toBe(301);
  expect(response.headers.get('location')).toBe('../');
});

test('tells clients where Vault is, and browsers its other address', async () => {
  const { app } = createTestApp();
  const other = createTestApp({ vault: { address: 'http://vault:8200', externalAddress: '' } });

  expect(await (await app.request('/v1/api/vault/info')).json()).toEqual({
    vault_addr: 'http://vault.internal:8200',
    vault_external_addr: 'https://vault.example.org',
  });
  expect(await (await other.app.request('/v1/api/vault/info/')).json()).toEqual({
    vault_addr: 'http://vault:8200',
    vault_external_addr: 'http://vault:8200',
  });
});
