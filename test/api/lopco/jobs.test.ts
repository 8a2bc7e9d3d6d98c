import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { createLopcoApp, name, newJob, withJob } from './lopco-app.js';

const jobs = '/job-manager/jobs';
const history = '/job-manager/history';
const everyone = { everyone: true } as const;

describe('a new job', () => {
  test('is stored as a parent under the id of the original, which is the answer', async () => {
    const { queue, ask } = createLopcoApp();

    const response = await ask('POST', jobs, { body: newJob, type: 'text/plain' });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(name);
    expect(queue.submitted).toEqual([
      {
        door: 'lopco',
        queue: null,
        owner: { key: 'entity:e1', displayName: 'first' },
        wrappedSecretId: undefined,
        payload: { kind: 'none' },
        fields: {},
        label: { name, kind: 'pipeline' },
        unlistAfterMs: 0,
        parent: {
          plan: { sharesLogin: false },
          progress: { machineId: 'press-07', fileName: 'upload', done: [] },
        },
      },
    ]);
  });

  test('may bring a SecretID and references for its workers', async () => {
    const { queue, ask } = createLopcoApp();
    const secrets = { wrap_secret_id: 's.wrap', secret_refs: ['A@kv/data/x.a'], secret_file_type: 'json' };

    await ask('POST', jobs, { body: { ...newJob, ...secrets, cont_on_warnings: true } });

    const [request] = queue.submitted;
    expect(request?.wrappedSecretId?.reveal()).toBe('s.wrap');
    expect(request).toMatchObject({
      fields: { secretRefs: ['A@kv/data/x.a'], secretFileType: 'json', continueOnWarnings: true },
      parent: { plan: { sharesLogin: true } },
    });
  });

  test('may name its machine as later versions do', async () => {
    const { ask } = createLopcoApp();
    const { machine_id: ds_id, ...rest } = newJob;

    expect(await (await ask('POST', jobs, { body: { ds_id, ...rest } })).text()).toBe(name);
  });

  test('is refused with its id while one of that id is active, and taken again afterwards', async () => {
    const { queue, ask, id } = await withJob();

    const again = await ask('POST', jobs, { body: newJob });
    expect([again.status, await again.text()]).toEqual([409, name]);
    expect((await ask('POST', jobs, { body: newJob, token: 's.token2' })).status).toBe(200);

    queue.change(id, { state: 'succeeded', unlistedAt: new Date() });
    expect((await ask('POST', jobs, { body: newJob })).status).toBe(200);
  });

  test('is refused while the node drains', async () => {
    const { ask } = createLopcoApp({ isDraining: () => true });

    const response = await ask('POST', jobs, { body: newJob });

    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([
      503,
      '5',
      '',
    ]);
  });
});

describe('a list', () => {
  test('has the ids of active or of ended jobs, without workers', async () => {
    const { queue, ask, id } = await withJob();
    queue.add({ door: 'lopco', parent: id, label: { kind: 'worker', name: 'i-1' } });

    expect(await (await ask('GET', jobs)).json()).toEqual([name]);
    expect(await (await ask('GET', history)).json()).toEqual([]);

    queue.change(id, { state: 'succeeded', unlistedAt: new Date() });
    expect(await (await ask('GET', jobs)).json()).toEqual([]);
  });

  test('has whole jobs for who asks for them', async () => {
    const { queue, ask, id } = await withJob();

    expect(await (await ask('GET', `${jobs}?full=true`)).json()).toMatchObject({
      [name]: { status: 'pending' },
    });
    queue.change(id, { state: 'succeeded' });
    expect(await (await ask('GET', `${history}?full=true`)).json()).toMatchObject({
      [name]: { status: 'finished' },
    });
  });
});

describe('an abort', () => {
  const abort = { body: { status: 'aborted' } };

  test('kills an active job, also one that waits', async () => {
    const { queue, ask, id } = await withJob();

    const response = await ask('POST', `${jobs}/${name}`, abort);

    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      null,
      '',
    ]);
    expect((await queue.get(id, everyone)).killRequestedBy).toBe('entity:e1');
  });

  test('wins over a result in the same body', async () => {
    const { queue, ask, id } = await withJob();

    await ask('POST', `${jobs}/${name}`, { body: { status: 'aborted', 'i-1': { a: 1 } } });

    expect((await queue.get(id, everyone)).killRequestedBy).toBe('entity:e1');
    expect(queue.asked).not.toContain('revise');
  });

  test('stops a job of another door too', async () => {
    const { queue, ask } = createLopcoApp();
    const job = queue.add({ state: 'running' });

    expect((await ask('POST', `${jobs}/${job.id}`, abort)).status).toBe(200);
    expect(queue.asked).toContain('kill');
  });

  test('finds no ended job, no missing one and none of somebody else', async () => {
    const { queue, ask, id } = await withJob();

    expect((await ask('POST', `${jobs}/${name}`, { ...abort, token: 's.token2' })).status).toBe(404);
    expect((await ask('POST', `${jobs}/0000000000000000000000`, abort)).status).toBe(404);
    queue.change(id, { state: 'succeeded', unlistedAt: new Date() });
    expect((await ask('POST', `${jobs}/${name}`, abort)).status).toBe(404);
    expect((await ask('POST', `${jobs}/${id}`, abort)).status).toBe(404);
    expect(queue.asked).not.toContain('kill');
  });
});

test('nobody gets an answer without a token, and no error has a body', async () => {
  const { ask } = createLopcoApp();
  const asked = [
    ['GET', jobs, 401],
    ['GET', '/job-manager/nothing', 401],
    ['GET', '/machine-registry/machines', 401],
    ['POST', '/pipeline-registry/pipelines', 401],
  ] as const;

  for (const [method, path, status] of asked) {
    const response = await ask(method, path, { token: null });
    expect([path, response.status, await response.text()]).toEqual([path, status, '']);
  }
});

test('a path that is not there is a 404, and a wrong method a 405', async () => {
  const { ask } = createLopcoApp();

  expect((await ask('GET', '/job-manager/nothing')).status).toBe(404);
  const response = await ask('DELETE', `${jobs}/${name}`);
  expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([
    405,
    'GET, HEAD, POST',
    '',
  ]);
});

test('an adapter that sends no token may act with that of the service', async () => {
  const networks = [{ address: '10.1.0.0', prefix: 16 }];
  const { app, queue } = createLopcoApp({
    serviceToken: { token: new Secret('s.token2'), doors: ['lopco'], networks },
  });
  const post = (remoteAddress: string) =>
    app.request(
      jobs,
      { method: 'POST', body: JSON.stringify(newJob) },
      { incoming: { socket: { remoteAddress, remotePort: 40_000, remoteFamily: 'IPv4' } } },
    );

  expect((await post('10.1.2.3')).status).toBe(200);
  expect((await post('10.2.2.3')).status).toBe(401);
  expect(queue.submitted.map(({ owner }) => owner.key)).toEqual(['entity:e2']);
});
