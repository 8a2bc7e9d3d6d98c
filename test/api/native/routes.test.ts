import { expect, test } from 'vitest';
import type { AppParts } from '../../../src/api/parts.js';
import { BrokenError } from '../../../src/job/errors.js';
import { knownJob } from '../../support/fake-operations.js';
import { createTestApp } from '../../support/test-app.js';

/** The app as an operator sees it. */
function openDesk(changes: Partial<AppParts> = {}) {
  const tested = createTestApp(changes);
  const ask = (method: string, path: string, body?: string) =>
    tested.app.request(`/stint/v1${path}`, {
      method,
      headers: { 'x-auth-token': 's.operator' },
      ...(body !== undefined && { body }),
    });
  return { ...tested, ask };
}

test('a queue is shown with everything, in words of its own and null for what is not known', async () => {
  const { ask } = openDesk();

  expect(await (await ask('GET', '/queues')).json()).toEqual({
    queues: [
      {
        name: 'demo',
        path: '/stint/v1/queues/demo',
        state: 'open',
        holder: null,
        waiting: 0,
        oldest_since: null,
        pause: null,
        hold: null,
        max_waiting: null,
        hold_on_failure: false,
      },
    ],
  });
  expect(await (await ask('GET', '/queues/demo')).json()).toMatchObject({
    name: 'demo',
    why: 'No job waits.',
  });
});

test.each([
  ['/queues/~', ''],
  ['/queues/nightly', 'nightly'],
  ['/queues/Nightly', 'nightly'],
  ['/queues/a%2Fb', 'a/b'],
  ['/queues/two%20words', 'two words'],
  ['/queues/50%25', '50%'],
  ['/queues/%252F', '%2f'],
  ['/queues/%E2%9C%93', '✓'],
  ['/queues/~.', '.'],
  ['/queues/~..', '..'],
  ['/queues/~~x', '~x'],
  ['/queues/~plain', 'plain'],
  ['/queues/a%3Fb%23c', 'a?b#c'],
])('%s is the queue "%s", and the path that a list gives leads to the same', async (path, name) => {
  const { ask, operations } = openDesk();

  const found = (await (await ask('GET', path)).json()) as { path: string };
  await ask('GET', found.path.replace('/stint/v1', ''));
  await ask('POST', `${path}/resume`);

  expect(operations.asked).toEqual([
    ['queue', name],
    ['queue', name],
    ['resume', name, 'entity:op'],
  ]);
});

test.each([
  ['/queues/%zz', 'percent-encoded'],
  ['/queues/%ff', 'percent-encoded'],
  ['/queues/a%0Ab', 'control characters'],
  [`/queues/${'x'.repeat(256)}`, 'at most 255 characters'],
  ['/queues?after=a%00b', '`after`'],
  ['/queues?after=%E2%80%AE', '`after`'],
  ['/queues/a%E2%80%AEb', 'control characters'],
  ['/queues?limit=0', '`limit`'],
  ['/queues?limit=1001', '`limit`'],
  ['/jobs/17', 'job id'],
])('GET %s is refused', async (path, words) => {
  const { ask, operations } = openDesk();

  const response = await ask('GET', path);

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: 'invalid_request',
    title: 'Bad Request',
    detail: expect.stringContaining(words),
  });
  expect(operations.asked).toEqual([]);
});

test.each(['/nodes/a%00b/drain', '/nodes/a%E2%80%8Fb/undrain'])('POST %s is refused', async (path) => {
  const { ask, operations } = openDesk();

  const response = await ask('POST', path);

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining('the id of the node') });
  expect(operations.asked).toEqual([]);
});

test('a reason with a mark that turns text around is refused', async () => {
  const { ask } = openDesk();

  const response = await ask('POST', '/queues/demo/pause', JSON.stringify({ reason: 'gpj\u202e.exe' }));

  expect(response.status).toBe(400);
});

test('the list pages by names', async () => {
  const { ask, operations } = openDesk();

  await ask('GET', '/queues');
  await ask('GET', '/queues?after=&limit=7');

  expect(operations.asked).toEqual([
    ['queues', { after: undefined, limit: 100 }],
    ['queues', { after: '', limit: 7 }],
  ]);
});

test.each([
  ['', 'got nothing'],
  ['[]', 'a JSON object'],
  ['{}', '`reason`'],
  ['{"reason":""}', 'one line of 1 to 500'],
  ['{"reason":"  "}', 'one line of 1 to 500'],
  ['{"reason":"a\\nb"}', 'one line of 1 to 500'],
  [`{"reason":"${'x'.repeat(501)}"}`, 'one line of 1 to 500'],
  ['{"reason":7}', 'got a number'],
  ['{"reason":"a","reason":"b"}', 'twice'],
  ['{"reason":"a","raeson":"b"}', '"raeson"'],
])('a reason such as %s is refused everywhere', async (body, words) => {
  const { ask, operations } = openDesk();

  for (const path of [
    '/queues/demo/pause',
    '/queues/demo/release',
    `/jobs/${knownJob}/kill`,
    `/jobs/${knownJob}/finalise`,
  ]) {
    const response = await ask('POST', path, body);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining(words) });
  }
  expect(operations.asked).toEqual([]);
});

test('actions are passed on with who asks for them and why', async () => {
  const { ask, operations } = openDesk();
  const body = '{"reason":" maintenance "}';
  const operatorRequest = { actor: 'entity:op', reason: 'maintenance' };

  await ask('POST', '/queues/demo/pause', body);
  await ask('POST', '/queues/demo/release', body);
  await ask('POST', `/jobs/${knownJob.toUpperCase()}/finalise`, body);
  await ask('POST', '/nodes/node-1/drain');
  await ask('POST', '/nodes/node-1/undrain/');

  expect(operations.asked).toEqual([
    ['pause', 'demo', operatorRequest],
    ['release', 'demo', operatorRequest],
    ['finalise', knownJob, operatorRequest],
    ['setDraining', 'node-1', true, 'entity:op'],
    ['setDraining', 'node-1', false, 'entity:op'],
  ]);
});

test.each([
  ['{"max_waiting":5}', { maxWaiting: 5, holdOnFailure: undefined }],
  ['{"max_waiting":null,"hold_on_failure":true}', { maxWaiting: null, holdOnFailure: true }],
  ['{}', { maxWaiting: undefined, holdOnFailure: undefined }],
])('settings %s are understood', async (body, settings) => {
  const { ask, operations } = openDesk();

  expect((await ask('PUT', '/queues/demo/settings', body)).status).toBe(200);

  expect(operations.asked).toEqual([['configure', 'demo', settings, 'entity:op']]);
});

test.each([
  '{"max_waiting":0}',
  '{"max_waiting":-1}',
  '{"max_waiting":1.5}',
  '{"max_waiting":1000001}',
  '{"max_waiting":"5"}',
  '{"hold_on_failure":1}',
  '{"hold_on_failure":null}',
  '{"hold":true}',
])('settings %s are refused', async (body) => {
  const { ask, operations } = openDesk();

  expect((await ask('PUT', '/queues/demo/settings', body)).status).toBe(400);
  expect(operations.asked).toEqual([]);
});

test('Q7: a job shows who asked for its end, when, and each step', async () => {
  const { send } = createTestApp();

  expect(await (await send('GET', `/stint/v1/jobs/${knownJob}`)).json()).toMatchObject({
    id: knownJob,
    state: 'stopping',
    queue: 'demo',
    owner: 'tester',
    node: 'node-1',
    fence: '17',
    kill: { at: '2025-10-18T14:19:00.000Z', by: 'entity:e1', trouble: 'The kill is not carried out.' },
    container_id: '5f1c0d9e',
    image_id: 'sha256:1',
    image_digest: `sha256:${'d'.repeat(64)}`,
    exit_code: null,
    wrap_expires_at: '2025-10-18T15:18:42.000Z',
    token: 'live',
    output: { stdout_bytes: 5, stderr_bytes: 4, complete: true, flaw: null },
    events: [
      { at: '2025-10-18T14:19:00.000Z', kind: 'kill_requested', actor: 'entity:e1', detail: {} },
      { at: '2025-10-18T14:19:01.000Z', kind: 'stopping', actor: 'node:node-1', detail: { why: 'kill' } },
    ],
  });
});

test('a node is shown with everything', async () => {
  const { ask } = openDesk();

  expect(await (await ask('GET', '/nodes')).json()).toEqual({
    nodes: [
      {
        id: 'node-1',
        alive: true,
        draining: false,
        version: '1.0.0',
        slots: 4,
        active: 0,
        engine_id: 'engine-1',
        started_at: '2025-10-18T14:00:00.000Z',
        seen_at: '2025-10-18T14:18:42.000Z',
      },
    ],
  });
});

test('the reaper shows what it would remove, and removes it only when asked to', async () => {
  const asked: string[] = [];
  const found = {
    containerId: 'c1',
    containerName: 'stint-1',
    jobId: knownJob,
    node: 'node-1',
    ageMs: 5000,
    reason: 'job_ended',
  } as const;
  const note = (what: string) => async () => {
    asked.push(what);
    return [found];
  };
  const { ask } = openDesk({ reaper: { dryRun: note('dryRun'), run: note('run') } });

  const shown = await (await ask('GET', '/reaper')).json();
  const removed = await (await ask('POST', '/reaper')).json();

  expect(asked).toEqual(['dryRun', 'run']);
  expect(removed).toEqual(shown);
  expect(shown).toEqual({
    containers: [
      {
        container_id: 'c1',
        container_name: 'stint-1',
        job: knownJob,
        node: 'node-1',
        age_ms: 5000,
        reason: 'job_ended',
      },
    ],
  });
});

test.each([
  [new BrokenError('database_unavailable', 'Could not use Postgres.'), 503, 'Could not use Postgres.', '5'],
  [new BrokenError('internal', 'Could not carry it out.'), 500, 'Could not carry it out.', null],
  [new TypeError('canary'), 500, 'request id', null],
])('what breaks is told as a problem: %s', async (error, status, words, retryAfter) => {
  const { ask, operations } = openDesk();
  operations.queue = async () => {
    throw error;
  };

  const response = await ask('GET', '/queues/demo');

  expect(response.status).toBe(status);
  expect(response.headers.get('retry-after')).toBe(retryAfter);
  const text = await response.text();
  expect(text).toContain(words);
  expect(text).not.toContain('canary');
});

test.each([
  ['POST', '/queues', 'GET, HEAD'],
  ['DELETE', '/queues/demo/settings', 'PUT'],
  ['GET', '/queues/demo/pause', 'POST'],
  ['PUT', '/reaper', 'GET, HEAD, POST'],
])('%s %s names the methods that there are', async (method, path, allowed) => {
  const { ask } = openDesk();

  const response = await ask(method, path);

  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe(allowed);
  expect(await response.json()).toMatchObject({ code: 'method_not_allowed', status: 405 });
});

test('a path that is not there is a problem too', async () => {
  const { ask } = openDesk();

  const response = await ask('GET', '/queue');

  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
});

test('a body that is too large is refused as a problem', async () => {
  const { ask } = openDesk();

  const response = await ask('POST', '/queues/demo/pause', `{"reason":"${'x'.repeat(20_000)}"}`);

  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ code: 'body_too_large' });
});
