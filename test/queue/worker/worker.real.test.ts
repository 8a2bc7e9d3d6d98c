import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { BrokenError } from '../../../src/job/errors.js';
import type { WorkerParts } from '../../../src/queue/worker/worker.js';
import type { Store } from '../../../src/store/store.js';
import { openTestDatabase } from '../../support/database.js';
import { fired } from '../../support/fake-container.js';
import { asker, claimOne } from '../../support/stored-jobs.js';
import { caller, everyone, openTestNode, type TestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

function openNode(changes: Partial<WorkerParts> = {}): TestNode {
  const node = openTestNode(store, changes);
  nodes.push(node);
  return node;
}

function startNode(changes: Partial<WorkerParts> = {}): TestNode {
  const node = openNode(changes);
  node.worker.start();
  return node;
}

async function kindsOf(id: string): Promise<string[]> {
  const rows = await sql`select kind from events where job_id = ${id} order by seq`;
  return rows.map((row) => row.kind);
}

test('a job is claimed, run and recorded, and nothing of it is left', async () => {
  const node = startNode();
  node.backend.runs([{ print: 'hello' }, { print: 'oops', on: 'stderr' }]);

  const job = await node.submit();

  await expect.poll(() => node.stateOf(job)).toBe('succeeded');
  expect(await node.queue.get(job.id, everyone)).toMatchObject({
    node: 'node-1',
    image: 'busybox',
    imageId: 'sha256:busybox',
    exitCode: 0,
  });
  const output = await node.queue.output(job.id, everyone);
  expect(Buffer.from(output.combined).toString()).toBe('hellooops');
  expect(Buffer.from(output.stderr).toString()).toBe('oops');
  expect(output.complete).toBe(true);
  expect(node.backend.left).toEqual([]);
  expect(node.secrets.alive).toEqual([]);
  expect(await sql`select stdout_bytes, stderr_bytes, token_accessor from jobs`).toEqual([
    { stdout_bytes: '5', stderr_bytes: '4', token_accessor: null },
  ]);
  expect(node.logged).toContain(`job claimed {"jobId":"${job.id}","queue":"q"}`);
  expect(node.logged).toContain(`job recorded {"jobId":"${job.id}","state":"succeeded"}`);
});

test('a worker claims nothing before it is started, whatever notifications arrive', async () => {
  let claims = 0;
  const claimJobs: Store['claimJobs'] = (claim) => {
    claims++;
    return store.claimJobs(claim);
  };
  const node = openNode({ store: { ...store, claimJobs } });
  const job = await node.submit();

  node.worker.wake();
  expect(claims).toBe(0);

  node.worker.start();
  await expect.poll(() => node.stateOf(job)).toBe('succeeded');
});

test('jobs of a queue run in order, the next right after the one before', async () => {
  const node = startNode();
  const jobs = [await node.submit(), await node.submit(), await node.submit()];

  await expect.poll(() => node.stateOf({ id: jobs[2]?.id ?? '' })).toBe('succeeded');

  const rows = await sql`
    select job_id, kind, extract(epoch from at - lag(at) over (order by seq))::float8 as seconds
    from events where kind in ('claimed', 'succeeded') and job_id in ${sql(jobs.map(({ id }) => id))} order by seq`;
  expect(rows.map((row) => [row.job_id, row.kind])).toEqual(
    jobs.flatMap(({ id }) => [
      [id, 'claimed'],
      [id, 'succeeded'],
    ]),
  );
  // The poll runs every 1.5 seconds: no job waited for it.
  for (const row of rows.filter(({ kind, seconds }) => kind === 'claimed' && seconds !== null))
    expect(row.seconds).toBeLessThan(0.7);
});

test('no more jobs are active than there are slots', async () => {
  const node = startNode({ slots: 2 });
  node.backend.runs([{ linger: 'until_told' }]);
  const jobs = [await node.submit('a'), await node.submit('b'), await node.submit('c')];
  await expect.poll(() => node.backend.count('start')).toBe(2);
  node.worker.wake();

  expect(await Promise.all(jobs.map(node.stateOf))).toEqual(['running', 'running', 'queued']);
  await node.queue.kill(jobs[0]?.id ?? '', everyone, caller);

  await expect.poll(() => node.stateOf({ id: jobs[2]?.id ?? '' })).toBe('running');
});

describe('a kill', () => {
  test('while queued ends the job without touching a secret', async () => {
    const node = openNode();
    const job = await node.submit();
    const asked = node.secrets.asked.length; // The submit looked up the wrapping token.

    await node.queue.kill(job.id, everyone, caller);

    expect(await node.stateOf(job)).toBe('canceled');
    expect(node.secrets.asked).toHaveLength(asked);
  });

  test('while preparing ends the job before its SecretID is spent', async () => {
    const node = startNode();
    const hold = node.backend.hold('prepare');
    const job = await node.submit();
    await hold.reached;

    const asked = await node.queue.kill(job.id, everyone, caller);

    expect(asked).toMatchObject({ state: 'preparing', killRequestedBy: undefined });
    await expect.poll(() => node.stateOf(job)).toBe('canceled');
    expect(node.secrets.count('unwrap')).toBe(0);
    expect(node.backend.left).toEqual([]);
    hold.release();
  });

  test('while running stops the container, and the next job runs', async () => {
    const node = startNode();
    node.backend.runs([{ print: 'so far' }, { linger: 'until_told' }]);
    const job = await node.submit();
    await expect.poll(() => node.stateOf(job)).toBe('running');
    await expect.poll(() => node.backend.count('wait')).toBe(1);
    node.backend.runs([]);
    const next = await node.submit();

    await node.queue.kill(job.id, everyone, caller);

    await expect.poll(() => node.stateOf(next)).toBe('succeeded');
    expect(await node.queue.get(job.id, everyone)).toMatchObject({
      state: 'canceled',
      code: 'killed',
      exitCode: 143,
      killRequestedBy: 'entity:ann',
    });
    const output = await node.queue.output(job.id, everyone);
    expect(Buffer.from(output.combined).toString()).toBe('so far');
    expect(await kindsOf(job.id)).toContain('stopping');
  });
});

describe('a kill that is easily missed', () => {
  test('because its notification was missed, is found by the heartbeat', async () => {
    const node = startNode({ leaseMs: 300 });
    node.backend.runs([{ linger: 'until_told' }]);
    const job = await node.submit();
    await expect.poll(() => node.stateOf(job)).toBe('running');

    await store.requestKill(job.id, asker);

    await expect.poll(() => node.stateOf(job)).toBe('canceled');
  });

  test('because it comes between a claim and its answer, is carried out', async () => {
    const late = lateClaims();
    const node = startNode({ store: late.store });
    const hold = node.backend.hold('prepare');
    const job = await node.submit();
    await expect.poll(() => node.stateOf(job)).toBe('preparing');

    await node.queue.kill(job.id, everyone, caller);
    late.release();

    await expect.poll(() => node.stateOf(job)).toBe('canceled');
    expect(node.secrets.count('unwrap')).toBe(0);
    hold.release();
  });
});

/** A store that carries out claims at once and answers late. */
function lateClaims(): { store: Store; release: () => void } {
  const gate = new AbortController();
  const claimJobs: Store['claimJobs'] = async (claim) => {
    const rows = await store.claimJobs(claim);
    if (rows.length > 0) await fired(gate.signal);
    return rows;
  };
  return { store: { ...store, claimJobs }, release: () => gate.abort() };
}

describe('a job that cannot begin', () => {
  test('waits in its place while Vault is unavailable, says why, and spends nothing', async () => {
    const node = startNode();
    node.secrets.fail('lookUp', 'sealed');
    const job = await node.submit();
    const next = await node.submit();
    await expect
      .poll(() => node.queue.get(job.id, everyone))
      .toMatchObject({
        state: 'queued',
        code: 'vault_unavailable',
        message: expect.stringContaining('Vault'),
      });
    expect(node.secrets.count('unwrap')).toBe(0);
    expect(await node.stateOf(next)).toBe('queued');

    node.secrets.heal();
    await sql`update jobs set not_before = null`;
    node.worker.wake();

    await expect.poll(() => node.stateOf(next)).toBe('succeeded');
    expect(await node.queue.get(job.id, everyone)).toMatchObject({ state: 'succeeded', code: undefined });
  });

  test('waits while the engine is unavailable', async () => {
    const node = startNode();
    node.backend.isUnavailable = true;

    const job = await node.submit();

    await expect
      .poll(() => node.queue.get(job.id, everyone))
      .toMatchObject({
        state: 'queued',
        code: 'engine_unavailable',
      });
  });
});

describe('a job that cannot go on', () => {
  test('fails when the engine becomes unavailable after its credentials were spent', async () => {
    const node = startNode();
    node.backend.fail('prepare', new EngineError('image', 'unreachable', ''));
    const ciphertext = node.secrets.encrypt(JSON.stringify({ image: 'busybox', queue: 'q' }));

    const job = await node.submit('q', { payload: { kind: 'ciphertext', ciphertext } });

    await expect
      .poll(() => node.queue.get(job.id, everyone))
      .toMatchObject({
        state: 'failed',
        reason: 'infrastructure',
        code: 'engine_unavailable',
      });
    expect(await kindsOf(job.id)).not.toContain('postponed');
    expect(node.secrets.alive).toEqual([]);
  });

  test('fails when its request is gone or was changed, and the next one runs', async () => {
    const node = openNode();
    const gone = await node.submit('a');
    const changed = await node.submit('a');
    const last = await node.submit('a');
    await sql`delete from job_requests where job_id = ${gone.id}`;
    await sql`update job_requests set sealed = sealed || 'x' where job_id = ${changed.id}`;

    node.worker.start();

    await expect.poll(() => node.stateOf(last)).toBe('succeeded');
    expect(await node.queue.get(gone.id, everyone)).toMatchObject({
      state: 'failed',
      code: 'request_missing',
    });
    expect(await node.queue.get(changed.id, everyone)).toMatchObject({
      state: 'failed',
      code: 'request_not_authentic',
    });
  });
});

describe('draining', () => {
  test('claims no more jobs, waits for the running one and notifies for the next', async () => {
    const rung: string[] = [];
    const node = startNode({ notifyReady: () => void rung.push('ready') });
    const hold = node.backend.hold('wait');
    const job = await node.submit();
    const next = await node.submit();
    await hold.reached;

    const drained = node.worker.drain(30_000);
    hold.release();
    await drained;

    expect(await node.stateOf(job)).toBe('succeeded');
    expect(await node.stateOf(next)).toBe('queued');
    expect(rung).toEqual(['ready']);
    expect(node.worker.draining).toBe(true);
  });

  test('stops what takes longer', async () => {
    const node = startNode();
    node.backend.runs([{ linger: 'until_told' }]);
    const job = await node.submit();
    await expect.poll(() => node.backend.count('wait')).toBe(1);

    await node.worker.drain(50);

    expect(await node.queue.get(job.id, everyone)).toMatchObject({ state: 'lost', code: 'shutdown' });
    expect(node.backend.left).toEqual([]);
  });

  test('returns a job that had not begun to the queue, for another node to take at once', async () => {
    const rung: string[] = [];
    const node = startNode({ notifyReady: () => void rung.push('ready') });
    const hold = node.backend.hold('prepare');
    const job = await node.submit();
    await hold.reached;

    await node.worker.drain(0);

    expect(await node.queue.get(job.id, everyone)).toMatchObject({ state: 'queued', code: 'shutdown' });
    expect(rung).toEqual(['ready']);
    expect((await claimOne(store, 'node-2')).id).toBe(job.id);
    hold.release();
  });

  test('in a stopAll stops the running jobs at once, and those of a claim under way', async () => {
    const late = lateClaims();
    const node = startNode({ store: late.store });
    node.backend.runs([{ linger: 'until_told' }]);
    const job = await node.submit();
    await expect.poll(() => node.stateOf(job)).toBe('preparing');

    const drained = node.worker.drain(60_000);
    node.worker.stopAll();
    late.release();
    await drained;

    expect(await node.stateOf(job)).toBe('queued');
    expect(node.secrets.count('unwrap')).toBe(0);
  });
});

test('draining does not wait for ever while Postgres is unavailable', async () => {
  let isUnavailable = true;
  const finishJob: Store['finishJob'] = (...args) =>
    isUnavailable
      ? Promise.reject(new BrokenError('database_unavailable', 'Unavailable.'))
      : store.finishJob(...args);
  const node = startNode({ store: { ...store, finishJob }, recordMs: 100 });
  node.backend.runs([{ linger: 'until_told' }]);
  const job = await node.submit();
  await expect.poll(() => node.backend.count('wait')).toBe(1);

  await node.worker.drain(0);

  expect(node.backend.left).toEqual([]);
  expect(node.logged).toContain(
    `could not record the end of a job before the shutdown {"jobId":"${job.id}"}`,
  );
  expect(await store.settleOwnJobs('node-1')).toMatchObject([{ id: job.id, state: 'lost' }]);
  isUnavailable = false;
  await expect.poll(() => node.logged.at(-1)).toMatch('job recorded');
});

describe('a claim that was lost', () => {
  test('stops its container, and nothing is recorded', async () => {
    const node = startNode({ leaseMs: 300 });
    node.backend.runs([{ linger: 'until_told' }]);
    const job = await node.submit();
    await expect.poll(() => node.backend.count('wait')).toBe(1);

    await sql`update jobs set fence = nextval('job_fences') where id = ${job.id}`;

    await expect.poll(() => node.backend.left).toEqual([]);
    await expect.poll(() => node.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(await node.stateOf(job)).toBe('running');
  });

  test('before the unwrap spends nothing', async () => {
    const node = startNode();
    const hold = node.backend.hold('prepare');
    const job = await node.submit();
    await hold.reached;
    await sql`update jobs set fence = nextval('job_fences') where id = ${job.id}`;

    hold.release();

    await expect.poll(() => node.logged).toContain(`claim lost, run stopped {"jobId":"${job.id}"}`);
    expect(node.secrets.count('unwrap')).toBe(0);
    expect(node.backend.left).toEqual([]);
  });
});

describe('while Postgres is unavailable', () => {
  test('jobs of a claim whose answer was lost are found again', async () => {
    let lost = 0;
    const claimJobs: Store['claimJobs'] = async (claim) => {
      const rows = await store.claimJobs(claim);
      if (rows.length === 0 || lost++ > 0) return rows;
      throw new BrokenError('database_unavailable', 'The reply was lost.');
    };
    const node = startNode({ store: { ...store, claimJobs } });
    const working = await node.submit('a');
    await expect.poll(() => node.logged.some((line) => line.startsWith('could not claim jobs'))).toBe(true);

    node.worker.wake();

    await expect.poll(() => node.stateOf(working)).toBe('succeeded');
    expect(lost).toBeGreaterThan(1);
  });

  test('the end of a job is recorded when it is back, also when the first reply was lost', async () => {
    let tries = 0;
    const finishJob: Store['finishJob'] = async (...args) => {
      tries++;
      if (tries === 2) await store.finishJob(...args);
      if (tries <= 2) throw new BrokenError('database_unavailable', 'Unavailable.');
      return await store.finishJob(...args);
    };
    const node = startNode({ store: { ...store, finishJob } });

    const job = await node.submit();

    await expect
      .poll(() => node.logged, { timeout: 4000 })
      .toContain(`job recorded {"jobId":"${job.id}","state":"succeeded"}`);
    expect((await kindsOf(job.id)).filter((kind) => kind === 'succeeded')).toHaveLength(1);
  });

  test('an end that the database refuses is recorded as such, and the next job runs', async () => {
    const finishJob: Store['finishJob'] = (claim, verdict, output) =>
      store.finishJob(claim, verdict.state === 'succeeded' ? { ...verdict, message: '\0' } : verdict, output);
    const node = startNode({ store: { ...store, finishJob } });

    const job = await node.submit();

    await expect
      .poll(() => node.queue.get(job.id, everyone))
      .toMatchObject({
        state: 'failed',
        reason: 'internal',
        code: 'end_not_recordable',
      });
  });

  test('a failed heartbeat stops nothing', async () => {
    let beats = 0;
    const extendLeases: Store['extendLeases'] = async () => {
      beats++;
      throw new BrokenError('database_unavailable', 'Unavailable.');
    };
    const node = startNode({ leaseMs: 60, store: { ...store, extendLeases } });
    const hold = node.backend.hold('wait');
    const job = await node.submit();
    await expect.poll(() => beats).toBeGreaterThan(2);

    hold.release();

    await expect.poll(() => node.stateOf(job)).toBe('succeeded');
  });
});
