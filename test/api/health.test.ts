import { expect, onTestFinished, test, vi } from 'vitest';
import { BrokenError } from '../../src/job/errors.js';
import { createTestApp } from '../support/test-app.js';

const fine = { name: 'Postgres', check: async () => {} };

test('/healthz says that the process lives, whatever is unavailable', async () => {
  const { app, queue } = createTestApp({ isDraining: () => true });
  queue.failure = new Error('away');

  const response = await app.request('/healthz/');

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ok' });
});

test('/readyz names each part when all are there', async () => {
  const { app } = createTestApp({ dependencies: [fine, { ...fine, name: 'engine' }] });

  const response = await app.request('/readyz');

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    status: 'ready',
    parts: {
      Postgres: { ready: true, message: 'Postgres answers.' },
      engine: { ready: true, message: 'engine answers.' },
    },
  });
});

test('/readyz says which part is unavailable, in our own words only', async () => {
  const { app } = createTestApp({
    dependencies: [
      fine,
      {
        name: 'vault',
        check: () => Promise.reject(new BrokenError('vault_unavailable', 'Vault is sealed.')),
      },
      { name: 'engine', check: () => Promise.reject(new Error('connect ENOENT canary')) },
    ],
  });

  const response = await app.request('/readyz');

  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: 'not ready',
    parts: {
      Postgres: { ready: true, message: 'Postgres answers.' },
      vault: { ready: false, message: 'Vault is sealed.' },
      engine: { ready: false, message: 'engine could not be reached.' },
    },
  });
});

test('/readyz is not ready while the server drains', async () => {
  const { app } = createTestApp({ dependencies: [fine], isDraining: () => true });

  const response = await app.request('/readyz');

  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ status: 'draining', parts: { Postgres: { ready: true } } });
});

test('/readyz does not wait for ever for a part that is silent', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { app } = createTestApp({ dependencies: [{ name: 'engine', check: () => new Promise(() => {}) }] });

  const asked = app.request('/readyz');
  await vi.advanceTimersByTimeAsync(3000);
  const response = await asked;

  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    parts: { engine: { message: 'engine did not answer within 3 seconds.' } },
  });
});

/** What the claim breaker says while Vault is sealed. */
const vaultAway = [
  { part: 'engine', reason: undefined },
  { part: 'vault', reason: 'Vault is sealed.' },
];

test('/readyz says why this node takes no jobs: what a probe of the part found', async () => {
  const { app } = createTestApp({ dependencies: [fine], blockers: () => vaultAway });

  const response = await app.request('/readyz');

  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    status: 'not ready',
    takes_no_jobs: 'Vault is sealed.',
  });
});

const counters = {
  state: 'active',
  all_jobs: '3',
  queued_jobs: '1',
  running_jobs: '1',
  notauthorised_jobs: '1',
  stopping_jobs: '0',
  success_jobs: '0',
  failed_jobs: '0',
  unknown_jobs: '0',
};

function withThreeJobs(changes: Parameters<typeof createTestApp>[0] = {}) {
  const tested = createTestApp(changes);
  tested.queue.add();
  tested.queue.add({ state: 'preparing' });
  tested.queue.add({ state: 'failed', reason: 'auth_refused' });
  return tested;
}

test('/v1/api/health tells counters of jobs and engine, each as a text', async () => {
  const { app } = withThreeJobs();

  expect(await (await app.request('/v1/api/health')).json()).toEqual({
    ...counters,
    containers: '5',
    containers_running: '2',
    containers_paused: '1',
    containers_stopped: '2',
    images: '7',
    mem_total: '17179869184',
    architecture: 'x86_64',
    operating_system: 'Debian',
  });
});

test('/v1/api/health says when the server drains', async () => {
  const { app } = withThreeJobs({ isDraining: () => true });

  expect(await (await app.request('/v1/api/health')).json()).toMatchObject({ state: 'draining' });
});

test.each([
  ['is unavailable', async () => undefined],
  ['cannot be asked', () => Promise.reject(new Error('canary'))],
  ['hangs', () => new Promise<undefined>(() => {})],
])('/v1/api/health leaves out the keys of an engine that %s', async (_, engineState) => {
  const { app } = withThreeJobs({ engineState });

  expect(await (await app.request('/v1/api/health')).json()).toEqual(counters);
  expect((await app.request('/v1/api/health?k=images')).status).toBe(400);
});

test('/v1/api/health tells one value as plain text', async () => {
  const { app } = withThreeJobs();

  const response = await app.request('/v1/api/health?k=queued_jobs');

  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await response.text()).toBe('1');
});

test.each(['bogus', '', '__proto__', 'constructor'])('/v1/api/health knows no key %j', async (key) => {
  const { app } = withThreeJobs();

  const response = await app.request(`/v1/api/health?k=${key}`);

  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    status: 'Invalid request.',
    error: expect.stringContaining('Invalid health metric key'),
  });
});

test('A2: /readyz asks each part at most once a second, however often strangers ask', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let asked = 0;
  let isUp = true;
  const check = async () => {
    asked += 1;
    if (!isUp) throw new BrokenError('vault_unavailable', 'Vault is sealed.');
  };
  const { app } = createTestApp({ dependencies: [{ name: 'Vault', check }] });

  const ask = () => Promise.all(Array.from({ length: 100 }, () => app.request('/readyz')));
  await ask();
  await ask();
  expect(asked).toBe(1);
  isUp = false;
  await vi.advanceTimersByTimeAsync(1_001);

  const [response] = await ask();
  expect(response?.status).toBe(503);
  expect(asked).toBe(2);
});
