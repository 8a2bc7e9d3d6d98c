import { expect, test } from 'vitest';
import type { Progress } from '../../../src/api/lopco/pipeline/model.js';
import { callbackToken } from '../../../src/api/lopco/pipeline/workers/secret.js';
import { RefusedError } from '../../../src/job/errors.js';
import { createLopcoApp, name, newJob } from './lopco-app.js';

const everyone = { everyone: true } as const;
const key = new Uint8Array(32);
const [instance, other] = ['0e6b2f7e-3c1d-4a52-8d9b-51f0a7c2e9d4', '1e6b2f7e-3c1d-4a52-8d9b-51f0a7c2e9d4'];
const noToken = { token: null };

/** Where results are posted. */
const path = (t: string | undefined, job = name) =>
  `/job-manager/jobs/${job}${t === undefined ? '' : `?t=${t}`}`;

/** An app with a job that awaits its first worker. */
async function withWorker() {
  const app = createLopcoApp();
  await app.ask('POST', '/job-manager/jobs', { body: newJob });
  const { id } = await app.queue.find({ door: 'lopco', project: undefined, name }, everyone);
  const current = {
    started: '2025-10-18T15:00:01.204Z',
    inputs: [],
    outputs: [],
    workers: [instance],
    worker: { instance },
  };
  await app.queue.revise(id, everyone, {
    kind: 'test',
    actor: 'test',
    change: (view) => ({ progress: { ...(view.progress as Progress), current } }),
  });
  app.queue.change(id, { state: 'running' });
  const resultOf = async () => {
    const { progress } = await app.queue.parent(id, everyone);
    return (progress as Progress).current?.worker?.result;
  };
  return { ...app, id, resultOf, right: callbackToken(key, id, instance) };
}

test('a worker hands its result over with the secret of its address, and no token', async () => {
  const { ask, right, resultOf, identified } = await withWorker();
  const asked = identified.length;

  const response = await ask('POST', path(right), { ...noToken, body: { [instance]: [{ a: 'f1' }, null] } });

  expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
    200,
    null,
    '',
  ]);
  expect(await resultOf()).toEqual([{ a: 'f1' }, null]);
  expect(identified).toHaveLength(asked);
});

test('a result that comes again is answered as before, and the first one counts', async () => {
  const { ask, right, resultOf } = await withWorker();
  await ask('POST', path(right), { ...noToken, body: { [instance]: { a: 1 } } });

  const again = await ask('POST', path(right), { ...noToken, body: { [instance]: { a: 2 } } });

  expect(again.status).toBe(200);
  expect(await resultOf()).toEqual([{ a: 1 }]);
});

test('the result of a worker that is not awaited any more is ignored', async () => {
  const { ask, id, resultOf } = await withWorker();
  const late = callbackToken(key, id, other);

  expect((await ask('POST', path(late), { ...noToken, body: { [other]: { a: 1 } } })).status).toBe(200);
  expect(await resultOf()).toBeUndefined();
});

test('the owner may hand a result over too, as the seed has it', async () => {
  const { ask, resultOf } = await withWorker();

  const response = await ask('POST', path(undefined), { body: { [instance]: null, [other]: { b: 1 } } });

  expect(response.status).toBe(200);
  expect(await resultOf()).toEqual([null]);
});

test('a content type may have a parameter', async () => {
  const { ask, right, resultOf } = await withWorker();
  const type = 'Application/JSON; charset=utf-8';

  expect((await ask('POST', path(right), { ...noToken, type, body: { [instance]: null } })).status).toBe(200);
  expect(await resultOf()).toEqual([null]);
});

type Case = readonly [title: string, t: (right: string, id: string) => string, body: unknown, status: number];
const result = { [instance]: { a: 1 } };

test.each<Case>([
  ['no secret', () => '', result, 403],
  ['a wrong one', () => 'wrong', result, 403],
  ['one of the right form', (_, id) => `${id}.${'A'.repeat(43)}`, result, 403],
  ['that of another worker', (_, id) => callbackToken(key, id, other), result, 403],
  ['that of another job', () => callbackToken(key, '0123456789abcdef01234567', instance), { a: 1 }, 403],
  [
    'that of a job that is not there',
    () => callbackToken(key, '0123456789abcdef01234567', instance),
    result,
    404,
  ],
  ['an abort', (right) => right, { status: 'aborted' }, 403],
  ['an abort beside a result', (right) => right, { ...result, status: 'aborted' }, 403],
  ['no result of its own', (right) => right, { [other]: { a: 1 } }, 403],
  ['a list', (right) => right, [1], 400],
  ['a text', (right) => right, '"x"', 400],
  ['no JSON', (right) => right, '{', 400],
  ['a result that is a text', (right) => right, { [instance]: 'x' }, 400],
  ['a result that is deep', (right) => right, { [instance]: { a: { b: 1 } } }, 400],
  ['a result with NUL', (right) => right, { [instance]: { a: 'x\0' } }, 400],
  ['a result twice', (right) => right, `{"${instance}":null,"${instance}":{}}`, 400],
  ['a large body', (right) => right, { [instance]: { a: 'x'.repeat(300_000) } }, 413],
])('a call-back is refused and changes nothing: %s', async (_, t, body, status) => {
  const { ask, right, id, resultOf, queue } = await withWorker();

  const response = await ask('POST', path(t(right, id)), { ...noToken, body });

  expect([response.status, await response.text()]).toEqual([status, '']);
  expect(await resultOf()).toBeUndefined();
  expect(queue.asked).not.toContain('kill');
});

test.each(['text/plain', null])('a content type that is not JSON is refused: %s', async (type) => {
  const { ask, right, resultOf } = await withWorker();

  expect((await ask('POST', path(right), { ...noToken, type, body: result })).status).toBe(415);
  expect(await resultOf()).toBeUndefined();
});

test('the address must be that of the job', async () => {
  const { ask, right, resultOf } = await withWorker();

  const response = await ask('POST', path(right, 'HdTJIXvynL6rPoRXg191Gw'), { ...noToken, body: result });

  expect(response.status).toBe(403);
  expect(await resultOf()).toBeUndefined();
});

test('a result that comes when its job has ended is ignored', async () => {
  const { ask, right, queue } = await withWorker();
  queue.failure = new RefusedError('conflict', 'it has ended');

  expect((await ask('POST', path(right), { ...noToken, body: result })).status).toBe(200);
});

test('the secret opens no other path and no other method', async () => {
  const { ask, right } = await withWorker();

  expect((await ask('GET', path(right), noToken)).status).toBe(401);
  expect((await ask('POST', `/job-manager/jobs?t=${right}`, { ...noToken, body: newJob })).status).toBe(401);
  expect((await ask('GET', `/job-manager/history/${name}?t=${right}`, noToken)).status).toBe(401);
  expect((await ask('PUT', `/machine-registry/machines/m?t=${right}`, { ...noToken, body: {} })).status).toBe(
    401,
  );
});

test('a result of somebody else finds no job', async () => {
  const { ask, resultOf } = await withWorker();

  // Not even of somebody who may see and end every job: what workers run on is the owner's.
  for (const token of ['s.token2', 's.lead', 's.operator'])
    expect((await ask('POST', path(undefined), { token, body: result })).status).toBe(404);
  expect(await resultOf()).toBeUndefined();
});
