import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { ensureImage } from '../../rig/engine/image.js';
import { isSignedBy, parseHead } from '../../src/job/audit/head.js';
import { toKnown } from '../../src/queue/audit/sign-head.js';
import { verifyChain } from '../../src/queue/audit/verify.js';
import { openStoreAsItIs } from '../../src/store/store.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

// The engine is private, because it is suspended. Two nodes use it: operators' requests must work through both.
const engine = await startEngine({ alwaysOwn: true, name: 'operators' });
const policy = uniqueName();
const settings = {
  DOCKER_HOST: engine.dockerHost,
  STINT_OPERATOR_POLICIES: policy,
  STINT_STOP_GRACE: '1s',
  STINT_LEASE: '3s',
  STINT_LOST_GRACE: '10m',
  STINT_WRAP_MINIMUM: '5m',
  STINT_AUDIT_INTERVAL: '1s',
  STINT_SEAL_KEY: randomBytes(32).toString('base64'),
};
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);
const on = await startStintOnRig(settings);
const other = await startStintOnRig({ ...settings, STINT_DATABASE_URL: on.databaseUrl });
const { client } = on;
const operatorToken = await newOperatorToken();

afterEach(() => engine.own?.resume());
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await on[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

async function newOperatorToken(): Promise<string> {
  const made = await new VaultOperator(on.vault).write('auth/token/create', {
    policies: ['default', policy],
  });
  return made.auth.client_token;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(method: string, path: string, body?: object, url = on.stint.url): Promise<Answer> {
  const response = await fetch(`${url}/stint/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${operatorToken}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  };
}

function pathOf(queue: string): string {
  return `/queues/${encodeURIComponent(queue)}`;
}

function submit(qname: string, script: string): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

async function startJob(qname: string, script: string): Promise<string> {
  const id = await submit(qname, `echo begun; ${script}`);
  await client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  return id;
}

/** What the job's answer says about its kill, once that should have been carried out. */
async function readTrouble(id: string): Promise<unknown> {
  const { kill } = (await ask('GET', `/jobs/${id}`)).body;
  expect(kill).toMatchObject({ trouble: expect.any(String) });
  return kill;
}

async function containersOf(id: string): Promise<number> {
  return (await docker.listContainers({ all: true, filters: { label: [`stint.job=${id}`] } })).length;
}

/** A submit without its cubbyhole, which is not spent while the submit is refused. */
async function newRequest(qname: string, ttl?: string): Promise<object> {
  const payload = { qname, container_image: image, run: ['true'] };
  const cubbyhole = await client.leaveInCubbyhole(await client.encrypt(payload));
  return { qname, ...cubbyhole, wrap_secret_id: await client.wrapSecretId(ttl) };
}

async function post(request: object): Promise<Answer> {
  const response = await fetch(`${on.stint.url}/v1/api/job`, {
    method: 'POST',
    headers: { 'x-auth-token': await client.minimalToken() },
    body: JSON.stringify(request),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  };
}

test('a paused queue, whose name has blanks and slashes, runs nothing on any node until it is resumed', async () => {
  const qname = `${uniqueName()}/with blank`;
  const running = await startJob(qname, 'sleep 1');
  expect(await ask('POST', `${pathOf(qname)}/pause`, { reason: 'maintenance' })).toMatchObject({
    status: 200,
  });
  const waiting = await submit(qname, 'echo later');

  await client.wait(running);
  const paused = await ask('GET', pathOf(qname), undefined, other.stint.url);
  expect((await client.get(waiting)).status).toBe('queued');
  await ask('POST', `${pathOf(qname)}/resume`, undefined, other.stint.url);

  expect(paused.body).toMatchObject({
    name: qname,
    state: 'paused',
    waiting: 1,
    why: expect.stringContaining('maintenance'),
  });
  expect(await client.wait(waiting)).toMatchObject({ status: 'success', output: 'later\n' });
});

test('the queue without a name has a path too', async () => {
  await ask('POST', '/queues/~/pause', { reason: 'maintenance' });
  const waiting = await submit('', 'true');

  expect((await ask('GET', '/queues/~')).body).toMatchObject({ name: '', state: 'paused', waiting: 1 });
  await ask('POST', '/queues/~/resume');
  await client.wait(waiting);
});

test('a failure holds its queue where that was set, until an operator releases it', async () => {
  const qname = uniqueName();
  await ask('PUT', `${pathOf(qname)}/settings`, { hold_on_failure: true });
  const failing = await submit(qname, 'exit 3');
  const next = await submit(qname, 'echo next');
  await client.wait(failing);

  const held = await ask('GET', pathOf(qname));
  expect((await client.get(next)).status).toBe('queued');
  await ask('POST', `${pathOf(qname)}/release`, { reason: 'looked at it' });

  expect(held.body).toMatchObject({
    state: 'held',
    hold: { job: failing, reason: 'job_failed', until: null },
    why: expect.stringContaining('until an operator releases it'),
  });
  expect(await client.wait(next)).toMatchObject({ status: 'success' });
  const story = (await ask('GET', `/jobs/${failing}`)).body.events as { kind: string; detail: object }[];
  expect(story.at(-1)).toMatchObject({ kind: 'queue_released', detail: { reason: 'looked at it' } });
});

test('Q11: a queue that is full refuses with 429 before anything is spent', async () => {
  const qname = uniqueName();
  await ask('PUT', `${pathOf(qname)}/settings`, { max_waiting: 1 });
  const running = await startJob(qname, 'sleep 300');
  await submit(qname, 'true');
  const request = await newRequest(qname);

  const refused = await post(request);
  await client.kill(running);
  await client.wait(running);

  expect(refused).toMatchObject({ status: 429, body: { status: 'Too Many Requests.' } });
  expect(refused.headers.get('retry-after')).toBe('5');
  await vi.waitFor(async () => expect((await ask('GET', pathOf(qname))).body.waiting).toBe(0), 10_000);
  const taken = await post(request);
  expect(taken.status).toBe(200);
  const { _id: id } = taken.body;
  expect(await client.wait(String(id))).toMatchObject({ status: 'success' });
});

test('V6: a job whose wrapping token expires while it waits fails at that time, without a container, after a warning', async () => {
  const qname = uniqueName();
  const running = await startJob(qname, 'sleep 300');

  const answer = await post(await newRequest(qname, '2s'));
  const { _id: answeredId, warnings } = answer.body;
  const id = String(answeredId);
  const job = await client.wait(id, 20_000);

  expect(warnings).toEqual([expect.stringContaining('asks for at least 300 seconds')]);
  expect((await client.get(running)).status).toBe('running');
  expect(job).toMatchObject({ status: 'notauthorised', container_id: '', started: '0001-01-01T00:00:00Z' });
  const detail = (await ask('GET', `/jobs/${id}`)).body;
  expect(detail).toMatchObject({ state: 'failed', code: 'wrap_expired', token: 'none' });
  expect(job.output).toContain(`${String(detail.wrap_expires_at).slice(0, 19)}Z`);
  await client.kill(running);
  await client.wait(running);
});

test('Q7: a kill through another node ends the job at once, and each step is recorded', async () => {
  await ask('POST', `/nodes/${other.stint.nodeId}/drain`);
  const id = await startJob(uniqueName(), 'sleep 300');
  const killer = await other.newClient();

  const askedAt = performance.now();
  await killer.kill(id);
  await client.wait(id, 5_000);
  const tookMs = performance.now() - askedAt;
  await ask('POST', `/nodes/${other.stint.nodeId}/undrain`);

  // Half a second on an idle machine; this one also runs other tests.
  expect(tookMs).toBeLessThan(2_000);
  const { body } = await ask('GET', `/jobs/${id}`);
  expect(body).toMatchObject({
    state: 'canceled',
    node: on.stint.nodeId,
    kill: { by: expect.any(String), at: expect.any(String) },
  });
  const kinds = (body.events as { kind: string }[]).map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(['running', 'kill_requested', 'stopping', 'canceled']));
  expect(kinds.indexOf('kill_requested')).toBeLessThan(kinds.indexOf('stopping'));
});

test('an operator kills the job of somebody else, and its history says who and why', async () => {
  const id = await client.submit({ container_image: image, run: ['sleep', '300'] });
  await expect.poll(async () => (await client.get(id)).status, { timeout: 30_000 }).toBe('running');

  const killed = await ask('POST', `/jobs/${id}/kill`, { reason: 'its owner is gone' }, other.stint.url);
  await client.wait(id);

  expect(killed).toMatchObject({ status: 200, body: { id } });
  const { body } = await ask('GET', `/jobs/${id}`);
  expect(body['state']).toBe('canceled');
  expect(body['events']).toContainEqual(
    expect.objectContaining({ kind: 'kill_requested', detail: { reason: 'its owner is gone' } }),
  );
  expect((await ask('POST', `/jobs/${'f'.repeat(24)}/kill`, { reason: 'no such job' })).status).toBe(404);
});

test('Q7: while the engine hangs an operator may finalise with a reason; the queue goes on when the container is gone', async () => {
  const qname = uniqueName();
  const running = await startJob(qname, 'sleep 300');
  const next = await submit(qname, 'echo next');
  engine.own?.suspend();
  const finalise = () => ask('POST', `/jobs/${running}/finalise`, { reason: 'the engine is dead' });

  const before = await finalise();
  await client.kill(running);
  const early = await finalise();
  const kill = await vi.waitFor(() => readTrouble(running), { timeout: 10_000, interval: 250 });
  await vi.waitFor(async () => expect((await finalise()).status).toBe(200), {
    timeout: 10_000,
    interval: 250,
  });

  expect([before, early]).toMatchObject([{ status: 409 }, { status: 409, body: { code: 'conflict' } }]);
  expect(kill).toMatchObject({ trouble: expect.stringContaining('does not confirm') });
  expect(await client.get(running)).toMatchObject({ status: 'unknown', kill_requested: true });
  expect((await ask('GET', pathOf(qname))).body).toMatchObject({
    state: 'held',
    hold: { job: running, reason: 'finalised' },
  });
  expect((await client.get(next)).status).toBe('queued');
  const detail = (await ask('GET', `/jobs/${running}`)).body;
  expect((detail.events as object[]).at(-1)).toMatchObject({
    kind: 'lost',
    detail: { reason: 'the engine is dead' },
  });

  engine.own?.resume();
  expect(await client.wait(next, 60_000)).toMatchObject({ status: 'success', output: 'next\n' });
  expect(await containersOf(running)).toBe(0);
  expect((await client.get(running)).status).toBe('unknown');
});

test('Q7: kills at many moments on a real engine leave one end each and no container', async () => {
  const ids = await Promise.all(
    Array.from({ length: 12 }, async (_, round) => {
      const id = await submit(uniqueName(), 'sleep 300');
      await new Promise((resolve) => setTimeout(resolve, round * 60));
      await Promise.all([client.kill(id), other.newClient().then((killer) => killer.kill(id))]);
      return id;
    }),
  );

  for (const id of ids) {
    expect(await client.wait(id, 30_000)).toMatchObject({ status: 'failed', kill_requested: true });
    const { events } = (await ask('GET', `/jobs/${id}`)).body as { events: { kind: string }[] };
    expect(
      events.filter(({ kind }) => ['succeeded', 'failed', 'canceled', 'lost'].includes(kind)),
    ).toHaveLength(1);
    await vi.waitFor(async () => expect(await containersOf(id)).toBe(0), 10_000);
  }
});

test('a client that is not an operator is refused, and sees its own job all the same', async () => {
  const id = await submit(uniqueName(), 'true');
  await client.wait(id);
  const headers = { 'x-auth-token': await client.minimalToken() };

  const queues = await fetch(`${on.stint.url}/stint/v1/queues`, { headers });
  const job = await fetch(`${on.stint.url}/stint/v1/jobs/${id}`, { headers });

  expect(queues.status).toBe(403);
  expect(await job.json()).toMatchObject({
    id,
    state: 'succeeded',
    token: expect.stringMatching(/revoked|pending/),
  });
});

test('A6: the history is sealed and its head signed by Vault while the servers run', async () => {
  await ask('POST', '/queues/audited/pause', { reason: 'to have an event' });
  const found = await vi.waitUntil(
    async () => {
      const answer = await ask('GET', '/audit/head');
      return answer.status === 200 ? answer.body : undefined;
    },
    { timeout: 60_000, interval: 200 },
  );

  const head = parseHead(JSON.stringify(found));
  const { body } = await new VaultOperator(on.vault).ask('GET', 'transit/keys/stint-audit');
  const keys = (body.data as { keys?: Record<string, { public_key: string }> } | undefined)?.keys;
  expect(isSignedBy(keys?.[head.keyVersion ?? 0]?.public_key ?? '', head)).toBe(true);
  await using store = openStoreAsItIs(on.databaseUrl);
  expect(await verifyChain(store, { heads: [toKnown(head)] })).toMatchObject({ problem: undefined });
});

test('A6: which jobs were given a secret is answered, and their history says it without a value', async () => {
  const path = await new VaultOperator(on.vault).writeSecret('kv/data', { password: 'CANARY-password' });
  const job = await on.run({ secret_refs: [`PASSWORD@${path}.password`], run: ['true'] });
  expect(job.status).toBe('success');

  const { body } = await ask('GET', `/secrets?path=${encodeURIComponent(path)}&version=1`);

  expect(body).toMatchObject({ path, next: null, reads: [{ version: 1, keys: ['password'], lease: null }] });
  const [read] = body.reads as { job: string }[];
  const detail = (await ask('GET', `/jobs/${read?.job}`)).body;
  expect(detail.events).toContainEqual(
    expect.objectContaining({
      kind: 'secrets_read',
      detail: expect.objectContaining({ reads: [{ path, keys: ['password'], version: 1 }] }),
    }),
  );
  expect(detail.events).toContainEqual(
    expect.objectContaining({ kind: 'token_revoked', detail: { renewals: 0 } }),
  );
  expect(JSON.stringify(detail)).not.toContain('CANARY');
});
