import { expect, test } from 'vitest';
import { BrokenError, RefusedError } from '../../../src/job/errors.js';
import { newJobId } from '../../../src/job/id.js';
import { jobStates } from '../../../src/job/state.js';
import { type FakeQueue, newJob } from '../../support/fake-queue.js';
import { createTestApp } from '../../support/test-app.js';

const small = { project: 'vision', image: 'alpine:3.20' };
const asText = (body: unknown) => JSON.stringify(body);
const mine = { door: 'runai', queue: null, owner: { key: 'entity:e1', displayName: 'first' } } as const;

const timeAt = (seconds: number) => new Date(seconds * 1000);
const missing = (details: string) => ({ status: 404, message: 'job not found', details });
const invalid = (details: string) => ({ status: 400, message: 'invalid job', details });

async function answerOf(response: Response | Promise<Response>) {
  const answered = await response;
  return { status: answered.status, body: (await answered.json()) as unknown };
}

test.each(['/api/job', '/api/v1/job', '/api/v1/jobs', '/researcher/api/v1/jobs', '/api/job/'])(
  'a submit to %s answers the name',
  async (path) => {
    const { app, queue } = createTestApp();

    const response = await app.request(path, {
      method: 'POST',
      headers: { authorization: 'Bearer s.token1', 'ra-user': ' ines ', 'content-type': 'text/plain' },
      body: asText({ job: { ...small, name: 'train-7', command: 'true' } }),
    });

    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await answerOf(response)).toEqual({ status: 200, body: { name: 'train-7' } });
    expect(queue.submitted).toMatchObject([
      { door: 'runai', queue: null, owner: { key: 'entity:e1' }, label: { requester: 'ines' } },
    ]);
  },
);

test.each<[string, string | undefined]>([
  [' ines ', 'ines'],
  [Buffer.from('Zoë').toString('latin1'), 'Zoë'],
  ['Zoë', 'Zoë'],
  ['a'.repeat(300), 'a'.repeat(255)],
  ['   ', undefined],
])('a submit of RA-USER %j is one of %j', async (header, requester) => {
  const { app, queue } = createTestApp();
  const headers = { 'x-auth-token': 's.token1', 'ra-user': header };

  await app.request('/api/job', { method: 'POST', headers, body: asText({ job: small }) });

  expect(queue.submitted[0]?.label?.requester).toBe(requester);
});

test('a submit without a name answers the one that was made', async () => {
  const { send } = createTestApp();

  expect(await answerOf(send('POST', '/api/job', asText({ job: small })))).toEqual({
    status: 200,
    body: { name: 'job-0' },
  });
});

test('a submit under a name that is in use is a conflict', async () => {
  const { queue, send } = createTestApp();
  queue.add({ ...mine, label: { project: 'vision', name: 'train-7' } });

  expect(await answerOf(send('POST', '/api/job', asText({ job: { ...small, name: 'train-7' } })))).toEqual({
    status: 409,
    body: { status: 409, message: 'job already exists', details: expect.stringContaining('"train-7"') },
  });
});

test('a submit goes into the queue of its project where the operator wants that', async () => {
  const runai = { projects: ['vision'], serialProjects: true };
  const { queue, send } = createTestApp({ runai });

  await send('POST', '/api/job', asText({ job: { ...small, backoffLimit: 0 } }));
  await send('POST', '/api/job', asText({ job: { ...small, completions: 2 } }));

  // The runs of a parent wait in the queue; it does not itself.
  expect(queue.submitted).toMatchObject([
    { queue: 'vision' },
    { queue: null, parent: { plan: { queue: 'vision' } } },
  ]);
});

test('a submit to a project that the operator does not name is forbidden', async () => {
  const { queue, send } = createTestApp({
    runai: { projects: ['a', 'b'], serialProjects: false },
  });

  expect(await answerOf(send('POST', '/api/job', asText({ job: small })))).toEqual({
    status: 403,
    body: { status: 403, message: 'forbidden', details: 'project must be one of a, b, got "vision".' },
  });
  expect(queue.submitted).toEqual([]);
});

test('a submit is refused while the server drains, before anything is read', async () => {
  const { queue, send } = createTestApp({ isDraining: () => true });

  const response = await send('POST', '/api/job', '{');

  expect(response.headers.get('retry-after')).toBe('5');
  expect(await answerOf(response)).toMatchObject({
    status: 503,
    body: { status: 503, message: 'draining' },
  });
  expect(queue.asked).toEqual([]);
});

test('a submit may be repeated under a key', async () => {
  const { app, queue } = createTestApp();
  queue.submit = async () => ({ ...newJob({ label: { name: 'train-7' } }), isReplay: true });

  const response = await app.request('/api/job', {
    method: 'POST',
    headers: { 'x-auth-token': 's.token1', 'idempotency-key': 'k1' },
    body: asText({ job: small }),
  });

  expect(response.headers.get('idempotent-replayed')).toBe('true');
  expect(await answerOf(response)).toMatchObject({ body: { name: 'train-7' } });
});

/** A job of another door, and two of this one. */
function addTwo(queue: FakeQueue) {
  queue.add({ queue: 'demo' });
  const done = queue.add({
    ...mine,
    label: { project: 'vision', name: 'job-0', requester: 'ines' },
    image: 'alpine:3.20',
    state: 'succeeded',
    node: 'node-a',
    submittedAt: new Date(1760804865000),
  });
  const running = queue.add({
    ...mine,
    label: { project: 'speech', name: 'lab', kind: 'interactive' },
    image: 'lab:1',
    state: 'running',
    node: 'node-a',
    submittedAt: new Date(1760804881000),
  });
  return { done, running };
}

test('a list shows the jobs of the door, newest first, as the original shows them', async () => {
  const { queue, send } = createTestApp();
  const { running, done } = addTwo(queue);
  const lab = {
    id: running.id,
    project: 'speech',
    name: 'lab',
    status: 'Running',
    type: 'Interactive',
    nodes: 'node-a',
    createdAt: 1760804881000,
    images: 'lab:1',
    user: 'first',
    currentAllocatedGPUs: 0,
  };
  const job0 = {
    id: done.id,
    project: 'vision',
    name: 'job-0',
    status: 'Succeeded',
    type: 'Train',
    nodes: '',
    createdAt: 1760804865000,
    images: 'alpine:3.20',
    user: 'ines',
    currentAllocatedGPUs: 0,
  };
  expect(await answerOf(send('GET', '/api/job'))).toEqual({ status: 200, body: { data: [lab, job0] } });
  expect(await answerOf(send('GET', '/api/job?project=vision'))).toMatchObject({ body: { data: [job0] } });
  const listed = [
    [
      '/api/v1/jobs',
      [
        { ...lab, nodes: ['node-a'] },
        { ...job0, nodes: [] },
      ],
    ],
    ['/api/v1/jobs/vision', [{ ...job0, nodes: [] }]],
    ['/researcher/api/v1/jobs/speech', [{ ...lab, nodes: ['node-a'] }]],
    ['/api/v1/job/vision/job-0', [{ ...job0, nodes: [] }]],
    ['/api/v1/jobs?jobTypeFilter=interactive', [{ ...lab, nodes: ['node-a'] }]],
    ['/api/v1/jobs?jobTypeFilter=training', [{ ...job0, nodes: [] }]],
    ['/api/v1/jobs?jobTypeFilter=inference', []],
    ['/api/v1/jobs/nothing', []],
  ] as const;
  for (const [path, data] of listed)
    expect(await answerOf(send('GET', path))).toEqual({ status: 200, body: { data } });
});

test('a list is empty for a stranger, and the jobs of a stranger look missing', async () => {
  const { app, queue } = createTestApp();
  const { id } = queue.add({ ...mine, label: { project: 'vision', name: 'job-0' } });
  const headers = { 'x-auth-token': 's.token2' };

  expect(await answerOf(app.request('/api/job', { headers }))).toEqual({ status: 200, body: { data: [] } });
  for (const path of ['/api/v1/job/vision/job-0', `/api/v1/job/vision/${id}`])
    expect(await answerOf(app.request(path, { headers }))).toMatchObject({ status: 404 });
  const removal = app.request('/api/job', {
    method: 'DELETE',
    headers,
    body: asText([{ name: 'job-0', project: 'vision' }]),
  });
  expect(await answerOf(removal)).toMatchObject({
    status: 200,
    body: [{ ok: false, error: { status: 404 } }],
  });
  expect(queue.asked).not.toContain('unlist');
});

test('a list has one word for each state, and finer ones for who asks', async () => {
  const { queue, send } = createTestApp();
  for (const state of jobStates)
    queue.add({ ...mine, state, reason: state === 'failed' ? 'start_failed' : undefined });

  const words = async (path: string) => {
    const { body } = await answerOf(send('GET', path));
    return (body as { data: { status: string }[] }).data.map(({ status }) => status).toReversed();
  };

  expect(Object.fromEntries((await words('/api/job')).map((word, at) => [jobStates[at], word]))).toEqual({
    queued: 'Pending',
    preparing: 'Pending',
    running: 'Running',
    stopping: 'Running',
    succeeded: 'Succeeded',
    failed: 'Failed',
    canceled: 'Failed',
    lost: 'Unknown',
  });
  expect(await words('/api/job?detail=true')).toEqual(
    expect.arrayContaining(['ContainerCreating', 'Terminating', 'ContainerCannotRun', 'Pending', 'Running']),
  );
});

test('a list of projects says since when each has had jobs', async () => {
  const { queue, send } = createTestApp();
  queue.add({ ...mine, label: { project: 'vision' }, submittedAt: timeAt(20) });
  queue.add({ ...mine, label: { project: 'vision' }, submittedAt: timeAt(10) });
  queue.add({ ...mine, label: { project: 'speech' }, submittedAt: timeAt(30) });
  const more = {
    deservedGpus: 0,
    interactiveJobTimeLimitSecs: 0,
    trainNodeAffinity: null,
    interactiveNodeAffinity: null,
    departmentName: 'default',
  };

  expect(await answerOf(send('GET', '/api/v1/projects'))).toEqual({
    status: 200,
    body: {
      data: [
        { name: 'speech', createdAt: 30_000, ...more },
        { name: 'vision', createdAt: 10_000, ...more },
      ],
    },
  });
});

test('a job of any door is found by its id, a name that looks like an id first', async () => {
  const { queue, send } = createTestApp();
  const foreign = queue.add({ queue: 'demo', state: 'lost' });
  const name = `a${newJobId().slice(1)}`;
  const named = queue.add({ ...mine, label: { project: 'vision', name } });

  expect(await answerOf(send('GET', `/api/v1/job/any/${foreign.id.toUpperCase()}`))).toMatchObject({
    status: 200,
    body: { data: [{ id: foreign.id, project: '', name: '', status: 'Unknown', type: 'Train' }] },
  });
  expect(await answerOf(send('GET', `/api/v1/job/vision/${name}`))).toMatchObject({
    body: { data: [{ id: named.id }] },
  });
});

test('a job that is not there is answered with project and name', async () => {
  const { send } = createTestApp();

  expect(await answerOf(send('GET', '/api/v1/job/vision/ghost'))).toEqual({
    status: 404,
    body: { status: 404, message: 'job not found', details: 'vision/ghost' },
  });
});

test.each([
  ['GET', '/api/job?project=a%00b', { status: 200, body: { data: [] } }],
  ['GET', '/api/v1/jobs/Vision', { status: 200, body: { data: [] } }],
  ['GET', '/api/v1/job/vision/a%00b', { status: 404 }],
  ['GET', '/api/v1/job/a%00b/c', { status: 404 }],
  ['GET', '/api/v1/job/%ff/%zz', { status: 404 }],
  ['DELETE', '/api/job', { body: [{ name: 'a\0b', ok: false, error: { status: 404 } }] }],
])('a name that no job can have is not looked up: %s %s', async (method, path, expected) => {
  const { queue, send } = createTestApp();
  const body = method === 'DELETE' ? asText([{ name: 'a\0b', project: 'vision' }]) : undefined;

  expect(await answerOf(send(method, path, body))).toMatchObject(expected);
  expect(queue.asked).toEqual([]);
});

test('a delete answers each entry, in their order; a bad one does not stop the others', async () => {
  const { queue, send } = createTestApp();
  const ended = queue.add({ ...mine, label: { project: 'vision', name: 'job-0' }, state: 'succeeded' });
  const running = queue.add({ ...mine, label: { project: 'vision', name: 'job-1' }, state: 'running' });
  const other = queue.add({ queue: 'demo' });
  const entries = [
    { name: 'job-0', project: 'vision' },
    { name: 'ghost', project: 'vision' },
    { project: 'vision' },
    { name: 'job-1' },
    7,
    { name: 'job-1', project: 'vision' },
    { name: other.id, project: 'x' },
    { name: 'job-0', project: 'vision' },
  ];

  expect(await answerOf(send('DELETE', '/api/job', asText(entries)))).toEqual({
    status: 200,
    body: [
      { name: 'job-0', ok: true },
      { name: 'ghost', ok: false, error: missing('vision/ghost') },
      { name: '', ok: false, error: invalid('name is required, got nothing.') },
      { name: 'job-1', ok: false, error: invalid('project is required, got nothing.') },
      {
        name: '',
        ok: false,
        error: invalid('Expected each entry to be an object with name and project, got a number.'),
      },
      { name: 'job-1', ok: true },
      { name: other.id, ok: true },
      { name: 'job-0', ok: false, error: missing('vision/job-0') },
    ],
  });
  const reach = { everyone: true } as const;
  expect((await queue.get(ended.id, reach)).unlistedAt).toBeInstanceOf(Date);
  expect(await queue.get(running.id, reach)).toMatchObject({ state: 'canceled' });
});

test.each<[string, string, string?]>([
  ['a single object', '/api/v1/job', '{"name":"job-0","project":"vision"}'],
  ['a query', '/api/v1/jobs?name=job-0&project=vision'],
])('a delete takes %s', async (_, path, body) => {
  const { queue, send } = createTestApp();
  queue.add({ ...mine, label: { project: 'vision', name: 'job-0' } });

  expect(await answerOf(send('DELETE', path, body))).toEqual({
    status: 200,
    body: [{ name: 'job-0', ok: true }],
  });
  expect(await answerOf(send('GET', '/api/job'))).toMatchObject({ body: { data: [] } });
});

test('a delete frees the name at once', async () => {
  const { queue, send } = createTestApp();
  queue.add({ ...mine, label: { project: 'vision', name: 'job-7' }, state: 'running' });
  const again = asText({ job: { ...small, name: 'job-7' } });

  await send('DELETE', '/api/job', '[{"name":"job-7","project":"vision"}]');

  expect(await answerOf(send('POST', '/api/job', again))).toEqual({ status: 200, body: { name: 'job-7' } });
});

test('a delete tells a failure with the entry it stopped', async () => {
  const { queue, send } = createTestApp();
  queue.failure = new BrokenError('database_unavailable', 'Could not reach Postgres.');

  expect(await answerOf(send('DELETE', '/api/job', '[{"name":"a","project":"b"}]'))).toEqual({
    status: 200,
    body: [
      {
        name: 'a',
        ok: false,
        error: { status: 500, message: 'internal error', details: 'Could not reach Postgres.' },
      },
    ],
  });
});

test.each([
  ['GET', '/api/job'],
  ['POST', '/api/v1/jobs'],
  ['GET', '/api/v1/nothing'],
  ['GET', '/researcher/api/v1/projects'],
])('an error of %s %s without a token is 401', async (method, path) => {
  const { app } = createTestApp();

  expect(await answerOf(app.request(path, { method }))).toEqual({
    status: 401,
    body: { status: 401, message: 'unauthorized', details: '' },
  });
});

test('an error of a token that Vault refuses is 403', async () => {
  const { app } = createTestApp();

  expect(await answerOf(app.request('/api/job', { headers: { 'x-auth-token': 's.other' } }))).toMatchObject({
    status: 403,
    body: { status: 403, message: 'forbidden' },
  });
});

test('an error of an unknown path is 404, and of a wrong method 405', async () => {
  const { send } = createTestApp();

  expect(await answerOf(send('GET', '/api/v2/job'))).toMatchObject({
    status: 404,
    body: { message: 'not found' },
  });
  const wrong = await send('PUT', '/api/v1/job');
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST, DELETE');
  expect(await answerOf(wrong)).toMatchObject({
    status: 405,
    body: { status: 405, message: 'method not allowed' },
  });
});

test('an error of our own tells the request id and nothing else', async () => {
  const { queue, send } = createTestApp();
  queue.failure = new Error('secret');

  const answer = await answerOf(send('GET', '/api/job'));

  expect(answer).toMatchObject({ status: 500, body: { status: 500, message: 'internal error' } });
  expect(asText(answer)).not.toContain('secret');
});

test.each<[unknown, number, string]>([
  [new RefusedError('queue_full', 'x'), 429, 'queue is full'],
  [new RefusedError('key_reused', 'x'), 422, 'key used before'],
  [new RefusedError('key_in_flight', 'x'), 409, 'conflict'],
  [new RefusedError('forbidden', 'x'), 403, 'forbidden'],
  [new BrokenError('vault_unavailable', 'x'), 500, 'internal error'],
])('an error of the queue, %s, is answered with %d', async (failure, status, message) => {
  const { queue, send } = createTestApp();
  queue.failure = failure;

  expect(await answerOf(send('POST', '/api/job', asText({ job: small })))).toEqual({
    status,
    body: { status, message, details: 'x' },
  });
});

test('an error has the form of GoStint when the door is switched off', async () => {
  const { send } = createTestApp({ doors: ['gostint'] });

  expect(await answerOf(send('GET', '/api/job'))).toMatchObject({
    status: 404,
    body: { status: 'Not Found.' },
  });
});
