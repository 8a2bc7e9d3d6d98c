import { describe, expect, test } from 'vitest';
import { accepted, createGafferApp, type GafferApp, missing } from './gaffer-app.js';

const web = {
  cmd: 'httpd -p $PORT',
  args: ['-h', '$ROOT/pub', 'cost: $$5', '$NOPE'],
  env: { PORT: 8080, ROOT: '/srv' },
  cwd: '/srv',
  numprocesses: 2,
  redirect_output: ['out', 'err'],
  graceful_timeout: 3,
  image: 'busybox:1.36',
};

test('a load answers ok, and a second one of the same name is a conflict', async () => {
  const { load, queue } = createGafferApp();

  expect(await load()).toEqual({ status: 200, body: { ok: true } });
  expect(await load()).toEqual({ status: 409, body: { error: 'process_conflict', errno: 409 } });

  expect(queue.submitted[0]).toMatchObject({
    door: 'gaffer',
    queue: null,
    owner: { key: 'entity:e1' },
    wrappedSecretId: undefined,
    label: { project: 'shop', name: 'web', kind: 'job' },
    fields: { image: 'busybox:latest' },
  });
});

test('a load may be repeated under a key', async () => {
  const { app, queue } = createGafferApp();
  queue.submit = async () => ({ ...queue.add(), isReplay: true });

  const response = await app.request('/jobs/shop', {
    method: 'POST',
    headers: { 'x-api-key': 's.token1', 'idempotency-key': 'k1' },
    body: '{"name":"web","cmd":"httpd"}',
  });

  expect(response.headers.get('idempotent-replayed')).toBe('true');
});

test('a load is refused while the server drains, before anything is read', async () => {
  const { send, queue } = createGafferApp({ isDraining: () => true });

  const response = await send('POST', '/jobs/shop', '{');

  expect(response.headers.get('retry-after')).toBe('5');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: 503, reason: 'draining' });
  expect(queue.asked).toEqual([]);
});

test('a job is shown as it was loaded, and started by its state', async () => {
  const { ask, load } = createGafferApp();
  await load({ ...web, start: false });
  const shown = {
    name: 'shop.web',
    active: false,
    running: 0,
    running_out: 0,
    max_processes: 2,
    processes: [],
    config: { name: 'web', ...web },
  };

  expect(await ask('GET', '/jobs/shop/web')).toEqual({ status: 200, body: shown });
  expect(await ask('GET', '/jobs/shop/web/state')).toEqual({ status: 200, body: '0' });
  expect(await ask('POST', '/jobs/shop/web/state', ' 1\n')).toEqual(accepted);
  expect(await ask('GET', '/jobs/shop/web/state')).toEqual({ status: 200, body: '1' });
  expect(await ask('GET', '/jobs/shop/web/pids')).toEqual({ status: 200, body: { pids: [1, 2] } });
  expect(await ask('GET', '/jobs/shop/web')).toMatchObject({
    body: { ...shown, active: true, running: 2, processes: [1, 2] },
  });
});

const target = (numprocesses: number) => ({ status: 200, body: { numprocesses } });

test('a scale answers the new target', async () => {
  const { ask, load } = createGafferApp();
  await load({ numprocesses: 2 });
  const scale = (value: unknown) => ask('POST', '/jobs/shop/web/numprocesses', { scale: value });

  expect(await ask('GET', '/jobs/shop/web/numprocesses')).toEqual(target(2));
  expect(await scale(1)).toEqual(target(3));
  expect(await scale('+2')).toEqual(target(5));
  expect(await scale('-1')).toEqual(target(4));
  expect(await scale('=1')).toEqual(target(1));
  expect(await scale(-9)).toEqual(target(0));
  expect(await ask('GET', '/jobs/shop/web/numprocesses')).toEqual(target(0));
});

test('an unload frees the name, and ends the session with its last job', async () => {
  const { ask, load } = createGafferApp();
  await load();

  expect(await ask('DELETE', '/jobs/shop/web')).toEqual({ status: 200, body: { ok: true } });

  expect(await ask('DELETE', '/jobs/shop/web')).toEqual(missing);
  expect(await ask('GET', '/jobs/shop')).toEqual(missing);
  expect(await ask('GET', '/pids')).toEqual({ status: 200, body: { pids: [] } });
  expect(await load()).toMatchObject({ status: 200 });
});

test('a job that was killed at another door is loaded no more, and its name is free', async () => {
  const { ask, load, queue } = createGafferApp();
  await load();
  const [job] = await queue.listed({ door: 'gaffer', project: 'shop' }, { everyone: true });
  queue.change(job?.id ?? '', { state: 'canceled' });

  expect(await ask('GET', '/jobs/shop/web')).toEqual(missing);
  expect(await ask('GET', '/jobs')).toMatchObject({ body: { jobs: [] } });
  expect(await load()).toMatchObject({ status: 200 });
  expect(await ask('GET', '/jobs')).toMatchObject({ body: { jobs: ['shop.web'] } });
});

describe('lists', () => {
  test('go session by session, in the order of the loads', async () => {
    const { ask } = createGafferApp();
    for (const [session, name] of [
      ['shop', 'b'],
      ['blog', 'x'],
      ['shop', 'a'],
    ])
      await ask('POST', `/jobs/${session}`, { name, cmd: 'true' });

    expect(await ask('GET', '/jobs')).toMatchObject({ body: { jobs: ['shop.b', 'shop.a', 'blog.x'] } });
    expect(await ask('GET', '/sessions')).toMatchObject({ body: { sessions: ['shop', 'blog'] } });
    expect(await ask('GET', '/jobs/shop')).toEqual({
      status: 200,
      body: { sessionid: 'shop', jobs: ['shop.b', 'shop.a'] },
    });
    expect(await ask('GET', '/pids')).toMatchObject({ body: { pids: [1, 2, 3] } });
    expect(await ask('GET', '/jobs/none')).toEqual(missing);
  });

  test('are empty for a stranger, to whom the jobs look missing', async () => {
    const { app, load, queue } = createGafferApp();
    await load();
    const headers = { 'x-auth-token': 's.token2' };
    const body = '{"scale":1,"cmd":"true","signal":9}';

    for (const [path, list] of [
      ['/jobs', { jobs: [] }],
      ['/sessions', { sessions: [] }],
      ['/pids', { pids: [] }],
    ] as const)
      expect(await (await app.request(path, { headers })).json()).toEqual(list);
    const job = '/jobs/shop/web';
    for (const request of [
      ...['', '/stats', '/state', '/pids', '/numprocesses'].map((end) => `GET ${job}${end}`),
      ...['/numprocesses', '/commit', '/signal'].map((end) => `POST ${job}${end}`),
      `DELETE ${job}`,
      `PUT ${job}`,
      'GET /jobs/shop',
      'GET /1',
      'GET /1/stats',
      'DELETE /1',
      'POST /1/signal',
    ]) {
      const [method = '', path = ''] = request.split(' ');
      const sent = method === 'GET' || method === 'DELETE' ? {} : { body };
      const response = await app.request(path, { method, headers, ...sent });
      expect({ request, status: response.status }).toEqual({ request, status: 404 });
    }
    expect(queue.revisions).toEqual([]);
    expect(queue.asked).not.toContain('unlist');
  });
});

describe('a signal', () => {
  test.each([
    ['HUP', 1],
    [1, 1],
    ['sigusr1', 10],
    ['15', 15],
  ])('%j goes to all processes of a job', async (signal, number) => {
    const { ask, load, signals } = createGafferApp();
    await load({ numprocesses: 2 });
    await ask('POST', '/jobs/shop/web/commit');

    expect(await ask('POST', '/jobs/shop/web/signal', { signal })).toEqual(accepted);

    expect(signals).toEqual([`${number} 1`, `${number} 2`, `${number} 3`]);
  });
});

test('the stats of a job have all its processes', async () => {
  const { ask, load, usage } = createGafferApp();
  await load({ numprocesses: 2 });
  const none = { memoryPercent: undefined, residentBytes: undefined, virtualBytes: undefined };
  usage.set('2', { ...none, osPid: 4711, cpuPercent: 1.5, cpuTimeMs: 61_230 });

  expect(await ask('GET', '/jobs/shop/web/stats')).toMatchObject({
    status: 200,
    body: {
      name: 'shop.web',
      stats: [
        { pid: 1, os_pid: 'N/A', cpu: 'N/A' },
        { pid: 2, os_pid: 4711, cpu: 1.5, ctime: '1:01.23', mem: 'N/A' },
      ],
      cpu: 1.5,
      max_cpu: 1.5,
      min_cpu: 1.5,
      mem: 'N/A',
    },
  });
});

async function withForeign(): Promise<GafferApp & { readonly id: string }> {
  const app = createGafferApp();
  const { id } = app.queue.add({ state: 'running', label: { project: 'vision', name: 'train' } });
  return { ...app, id };
}

describe('a job of another door', () => {
  test('is found by its id, and shown in the words of this one', async () => {
    const { ask, id } = await withForeign();

    expect(await ask('GET', `/jobs/any/${id.toUpperCase()}`)).toEqual({
      status: 200,
      body: {
        name: 'vision.train',
        active: true,
        running: 1,
        running_out: 0,
        max_processes: 1,
        processes: [],
        config: {},
      },
    });
    expect(await ask('GET', `/jobs/any/${id}/state`)).toEqual({ status: 200, body: '1' });
    expect(await ask('GET', `/jobs/any/${id}/pids`)).toEqual({ status: 200, body: { pids: [] } });
    expect(await ask('GET', `/jobs/any/${id}/numprocesses`)).toMatchObject({ body: { numprocesses: 1 } });
    expect(await ask('GET', '/jobs')).toMatchObject({ body: { jobs: [] } });
  });

  test('is ended by a delete, and has nothing to start or scale', async () => {
    const { ask, id } = await withForeign();

    expect(await ask('POST', `/jobs/any/${id}/state`, '0')).toEqual(missing);
    expect(await ask('POST', `/jobs/any/${id}/commit`)).toEqual(missing);
    expect(await ask('DELETE', `/jobs/any/${id}`)).toEqual({ status: 200, body: { ok: true } });

    expect(await ask('GET', `/jobs/any/${id}/state`)).toEqual({ status: 200, body: '0' });
  });
});

test.each([
  ['/jobs/a.b/c', 404],
  ['/jobs/a/b%2Fc', 404],
  ['/jobs/a/b%00c', 404],
  [`/jobs/a/${'b'.repeat(300)}`, 404],
])('a name that no job can have is not looked up: %s', async (path, status) => {
  const { ask, queue } = createGafferApp();

  expect((await ask('GET', path)).status).toBe(status);
  expect(queue.asked).toEqual([]);
});
