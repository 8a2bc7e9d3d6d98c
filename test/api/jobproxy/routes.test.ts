import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BrokenError, RefusedError } from '../../../src/job/errors.js';
import { outputOf } from '../../support/fake-queue.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

const task = JSON.stringify({ user: 'kai', cmd: 'echo hello' });

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(tested: TestApp, { method = 'GET', path, body, headers = {} }: Asked) {
  const response = await tested.app.request(`/v1/jobproxy/${path}`, {
    method,
    headers: { 'x-auth-token': 's.token1', 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body }),
  });
  const type = response.headers.get('content-type');
  return { status: response.status, type, text: await response.text(), headers: response.headers };
}

const text = 'text/plain';
const ofOther = { 'x-auth-token': 's.token2' };

describe('submit', () => {
  test.each([
    ['application/json', task],
    ['application/xml; charset=utf-8', '<task><user>kai</user><cmd>echo hello</cmd></task>'],
    ['', task],
  ])('answers the bare id as text: %s', async (type, body) => {
    const tested = createTestApp();

    const answer = await ask(tested, {
      method: 'POST',
      path: 'submit',
      body,
      headers: { 'content-type': type },
    });

    expect(answer).toMatchObject({ status: 200, type: text, text: expect.stringMatching(/^[0-9a-f]{24}$/) });
    expect(tested.queue.submitted).toMatchObject([
      { door: 'jobproxy', label: { requester: 'kai' }, fields: { command: ['/bin/sh', '-c', 'echo hello'] } },
    ]);
  });

  test('answers the id whatever Accept says', async () => {
    for (const accept of ['application/json', 'application/xml', 'text/html'])
      expect(
        await ask(createTestApp(), { method: 'POST', path: 'submit', body: task, headers: { accept } }),
      ).toMatchObject({ status: 200, type: text });
  });

  test('marks a replay', async () => {
    const tested = createTestApp();
    tested.queue.submit = async () => ({ ...tested.queue.add(), isReplay: true });

    const headers = { 'idempotency-key': 'k1' };
    const answer = await ask(tested, { method: 'POST', path: 'submit', body: task, headers });

    expect(answer.headers.get('idempotent-replayed')).toBe('true');
  });

  test('is refused while the node is drained', async () => {
    const tested = createTestApp({ isDraining: () => true });

    const answer = await ask(tested, { method: 'POST', path: 'submit', body: task });

    expect(answer).toMatchObject({ status: 503, type: text, text: expect.stringContaining('drained') });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(tested.queue.submitted).toEqual([]);
  });
});

describe('the size of a task', () => {
  test('takes a command as long as the system does', async () => {
    const tested = createTestApp();
    const cmd = `: ${'ä'.repeat(50_000)}`;

    const answer = await ask(tested, {
      method: 'POST',
      path: 'submit',
      body: JSON.stringify({ user: 'kai', cmd }),
    });

    expect(answer.status).toBe(200);
    expect(tested.queue.submitted[0]?.fields.command).toEqual(['/bin/sh', '-c', cmd]);
  });

  test.each(['application/json', 'application/xml'])(
    'refuses a body of more than 4 MiB: %s',
    async (type) => {
      const tested = createTestApp({ bodyLimitBytes: 32 * 1024 * 1024 });
      const body = `<task><!--${'-x'.repeat(2.5 * 1024 * 1024)}--></task>`;

      const answer = await ask(tested, {
        method: 'POST',
        path: 'submit',
        body,
        headers: { 'content-type': type },
      });

      expect(answer).toMatchObject({
        status: 413,
        type: text,
        text: expect.stringContaining('4194304 bytes'),
      });
    },
  );
});

test('a submit with a path over a symbolic link is refused', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stint-root-'));
  await symlink('/tmp', join(root, 'kai'));
  const jobproxy = { image: 'busybox', pullPolicy: 'Always', memoryUnitBytes: 1, queue: null } as const;
  const tested = createTestApp({ jobproxy: { ...jobproxy, outputRoot: root } });

  const body = JSON.stringify({ user: 'kai', cmd: 'id', stdout: 'a.txt' });
  const answer = await ask(tested, { method: 'POST', path: 'submit', body });
  await rm(root, { recursive: true });

  expect(answer).toMatchObject({
    status: 400,
    text: expect.stringContaining('stdout: expected a path that goes'),
  });
  expect(tested.queue.submitted).toEqual([]);
});

describe('state', () => {
  const finished = outputOf('', { stdoutText: '<2>\r\n\u0001', stderrText: 'a & b' });

  test('is JSON, or XML where the client prefers it', async () => {
    const tested = createTestApp();
    const { id } = tested.queue.add({ door: 'jobproxy', state: 'succeeded' }, finished);

    const json = await ask(tested, { path: `state/${id}` });
    const xml = await ask(tested, { path: `state/${id}/`, headers: { accept: 'application/xml' } });

    expect(json).toMatchObject({ status: 200, type: 'application/json' });
    expect(json.text).toBe(
      `{"id":"${id}","code":"0","description":"succeeded","stdout":"<2>\\r\\n\\u0001","stderr":"a & b"}`,
    );
    expect(xml).toMatchObject({ status: 200, type: 'application/xml' });
    expect(xml.text).toBe(
      `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><state><id>${id}</id><code>0</code>` +
        '<description>succeeded</description><stdout>&lt;2&gt;&#13;\n\ufffd</stdout><stderr>a &amp; b</stderr></state>',
    );
  });

  test('of a job of another door is shown as well', async () => {
    const tested = createTestApp();
    const { id } = tested.queue.add({ state: 'running' });

    expect(JSON.parse((await ask(tested, { path: `state/${id.toUpperCase()}` })).text)).toMatchObject({
      id,
      code: 'running',
    });
  });

  test('HEAD follows GET', async () => {
    const tested = createTestApp();
    const { id } = tested.queue.add();

    expect(await ask(tested, { method: 'HEAD', path: `state/${id}` })).toMatchObject({
      status: 200,
      type: 'application/json',
      text: '',
    });
  });
});

describe('the list of states', () => {
  test('is a list without tasks too', async () => {
    const tested = createTestApp();

    expect((await ask(tested, { path: 'state' })).text).toBe('{"state":[]}');
    expect((await ask(tested, { path: 'state', headers: { accept: 'application/xml' } })).text).toBe(
      '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><states></states>',
    );
  });

  test('lists the tasks of this door alone, over all pages', async () => {
    const tested = createTestApp();
    tested.queue.add({ door: 'gostint' });
    const ids = Array.from({ length: 250 }, () => tested.queue.add({ door: 'jobproxy' }).id);

    const { text: body, headers } = await ask(tested, { path: 'state' });

    const { state } = JSON.parse(body) as { state: { id: string }[] };
    expect(state.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(headers.get('x-total-count')).toBe('250');
  });

  test('shows the newest thousand and tells how many there are', async () => {
    const tested = createTestApp();
    for (let at = 0; at < 1001; at++) tested.queue.add({ door: 'jobproxy' });

    const { text: body, headers } = await ask(tested, { path: 'state' });

    expect((JSON.parse(body) as { state: object[] }).state).toHaveLength(1000);
    expect(headers.get('x-total-count')).toBe('1001');
  });

  test('in neither format is refused before the job is read', async () => {
    const tested = createTestApp();

    for (const path of ['state', `state/${'0'.repeat(24)}`])
      expect(await ask(tested, { path, headers: { accept: 'text/html' } })).toMatchObject({
        status: 406,
        type: text,
      });
    expect(tested.queue.asked).toEqual([]);
  });
});

describe('delete', () => {
  test('ends a task and hides it from this door', async () => {
    const tested = createTestApp();
    const { id } = tested.queue.add({ door: 'jobproxy', state: 'running' });

    const headers = { 'content-type': 'application/json' };
    const answer = await ask(tested, { method: 'DELETE', path: `delete/${id}`, headers });

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(await ask(tested, { path: `state/${id}` })).toMatchObject({ status: 404, type: text });
    expect((await ask(tested, { path: 'state' })).text).toBe('{"state":[]}');
    expect(await ask(tested, { method: 'DELETE', path: `delete/${id}` })).toMatchObject({ status: 404 });
    expect((await tested.queue.get(id, { everyone: true })).state).toBe('canceled');
  });
});

test('to a stranger a task looks like a missing one', async () => {
  const tested = createTestApp();
  const { id } = tested.queue.add({ door: 'jobproxy', state: 'running' });
  const missing = await ask(tested, { path: `state/${'0'.repeat(24)}` });

  for (const request of [{ path: `state/${id}` }, { method: 'DELETE', path: `delete/${id}` }])
    expect(await ask(tested, { ...request, headers: ofOther })).toMatchObject({
      status: 404,
      text: missing.text,
    });
  expect((await ask(tested, { path: 'state', headers: ofOther })).text).toBe('{"state":[]}');
  expect(tested.queue.asked).not.toContain('unlist');
});

test('ping needs no token', async () => {
  const response = await createTestApp().app.request('/v1/jobproxy/ping');

  expect(response.headers.get('content-type')).toBe(text);
  expect(await response.text()).toMatch(/^alive \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\)$/);
});

describe('a part that fails is a bad gateway, in the words of JobProxy', () => {
  const id = '0'.repeat(24);

  test.each([
    [{ method: 'POST', path: 'submit', body: task }, 'Framework could not submit task.  No engine.'],
    [{ path: `state/${id}` }, `Framework could not show the state of task ID ${id}.  No engine.`],
    [{ path: 'state' }, 'Framework could not show states.  No engine.'],
    [{ method: 'DELETE', path: `delete/${id}` }, 'Framework could not delete task.  No engine.'],
  ])('%j', async (request, words) => {
    const tested = createTestApp();
    tested.queue.failure = new BrokenError('engine_unavailable', 'No engine.');

    expect(await ask(tested, request)).toMatchObject({ status: 502, type: text, text: words });
  });

  test('an error of ours tells its request id alone', async () => {
    const tested = createTestApp();
    tested.queue.failure = new Error('hvs.CANARY');

    const answer = await ask(tested, { path: 'state' });

    expect(answer).toMatchObject({ status: 500, type: text, text: expect.stringContaining('request id') });
    expect(answer.text).not.toContain('CANARY');
  });
});

test.each([
  ['forbidden', 403],
  ['queue_full', 429],
  ['key_reused', 422],
  ['key_in_flight', 409],
  ['not_found', 404],
] as const)('the refusal %s is a %i in plain text', async (code, status) => {
  const tested = createTestApp();
  tested.queue.failure = new RefusedError(code, 'Because.');

  expect(await ask(tested, { method: 'POST', path: 'submit', body: task })).toMatchObject({
    status,
    type: text,
    text: 'Because.',
  });
});

test('a door that is switched off is an unknown path', async () => {
  const { app } = createTestApp({ doors: ['gostint'] });

  expect((await app.request('/v1/jobproxy/ping')).status).toBe(404);
});
