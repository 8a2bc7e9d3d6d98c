import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import type { JobRequest } from '../../../src/job/job.js';
import type { WaitingLimits } from '../../../src/queue/room.js';
import { createQueue } from '../../../src/queue/service/queue-service.js';
import { openRequest } from '../../../src/queue/service/seal.js';
import type { Store } from '../../../src/store/store.js';
import { openTestDatabase } from '../../support/database.js';
import { noParents } from '../../support/fake-queue.js';
import { claimOne, noOutput, owner, submitInto, succeeded } from '../../support/stored-jobs.js';
import { caller, everyone, openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const stranger = { everyone: false, ownerKey: 'entity:bob' } as const;

/** The queue of a node whose worker never starts, and the notifications it sent. */
function openLine(changes: Partial<Store> = {}, waitingLimits?: WaitingLimits) {
  const told: string[] = [];
  const { secrets, backend, sealKey } = openTestNode(store);
  const queue = createQueue({
    store: { ...store, ...changes },
    secrets,
    backend,
    sealKey,
    keyTtlMs: 60_000,
    queueLimit: 0,
    waitingLimits,
    wrapMinimumMs: 0,
    wake: () => void told.push('ready'),
    forwardKill: (jobId) => void told.push(`kill ${jobId}`),
    parents: noParents,
    alarms: { raise: ({ code }) => void told.push(`alarm ${code}`) },
  });
  const request = (changed: Partial<JobRequest> = {}): JobRequest => ({
    door: 'gostint',
    queue: 'q',
    owner,
    wrappedSecretId: secrets.addWrap(),
    payload: { kind: 'none' },
    fields: { image: 'busybox' },
    ...changed,
  });
  return { queue, secrets, backend, sealKey, told, request };
}

describe('a submit with a cubbyhole', () => {
  test('V4: whose payload was read and lost is refused with an alarm, also while Postgres cannot store its event', async () => {
    const fails: Partial<Store> = { recordSubmitAlarm: () => Promise.reject(new Error('unavailable')) };
    for (const changes of [{}, fails]) {
      const { queue, secrets, told, request } = openLine(changes);
      const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;
      secrets.fail('payload', 'reply_lost');

      await expect(queue.submit(request({ queue: 'lost', payload }))).rejects.toMatchObject({
        name: 'BrokenError',
        code: 'vault_reply_lost',
        retryable: false,
      });

      expect(told).toEqual(['alarm vault_reply_lost']);
      expect(secrets.count('payload')).toBe(1);
    }
    expect(
      await sql`select job_id, actor, detail from events where queue = 'lost' and kind = 'alarm'`,
    ).toEqual([{ job_id: null, actor: owner.key, detail: { code: 'vault_reply_lost', door: 'gostint' } }]);
    expect(await sql`select 1 from jobs`).toEqual([]);
  });
});

describe('a submit', () => {
  test('stores the request sealed and wakes the nodes when the job is ready', async () => {
    const { queue, sealKey, told, request } = openLine();

    const job = await queue.submit(request());
    await queue.submit(request());

    expect(job).toMatchObject({ state: 'queued', queue: 'q', owner });
    expect(told).toEqual(['ready']);
    const claim = await claimOne(store);
    expect(Buffer.from(claim.sealed ?? []).toString('latin1')).not.toContain('busybox');
    expect((await openRequest(sealKey, claim, claim.sealed)).fields).toEqual({ image: 'busybox' });
  });

  test('reads the payload from the cubbyhole, once', async () => {
    const { queue, secrets, sealKey, request } = openLine();
    const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;

    await queue.submit(request({ payload }));

    const claim = await claimOne(store);
    expect((await openRequest(sealKey, claim, claim.sealed)).ciphertext).toBe('vault:v1:abc');
    await expect(queue.submit(request({ payload }))).rejects.toMatchObject({ code: 'cubbyhole_unreadable' });
  });

  test('that is refused for its content has spent nothing and stored nothing', async () => {
    const { queue, secrets, request } = openLine();
    const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;

    await expect(queue.submit(request({ payload, fields: { content: 'targz,!' } }))).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'content_refused',
    });

    expect(secrets.asked).toEqual([]);
    expect((await queue.list({ skip: 0, limit: 1 }, everyone)).total).toBe(0);
  });

  test('while Postgres is unavailable spends nothing', async () => {
    const unavailable = new BrokenError('database_unavailable', 'Unavailable.');
    const { queue, secrets, request } = openLine({ readQueueForecast: () => Promise.reject(unavailable) });
    const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;

    await expect(queue.submit(request({ payload }))).rejects.toBe(unavailable);

    expect(secrets.asked).toEqual([]);
  });

  test('whose reply was lost is stored once, and answered', async () => {
    let tries = 0;
    const insertJob: Store['insertJob'] = async (job) => {
      const answer = await store.insertJob(job);
      if (tries++ === 0) throw new BrokenError('database_unavailable', 'The reply was lost.');
      return answer;
    };
    const { queue, told, request } = openLine({ insertJob });

    const job = await queue.submit(request());

    expect(await sql`select id from jobs`).toEqual([{ id: job.id }]);
    expect(tries).toBe(1);
    expect(told).toEqual(['ready']);
  });

  test('that meets a short outage after its payload was read is stored', async () => {
    let tries = 0;
    const insertJob: Store['insertJob'] = (job) =>
      tries++ === 0
        ? Promise.reject(new BrokenError('database_unavailable', 'Unavailable.'))
        : store.insertJob(job);
    const { queue, request } = openLine({ insertJob });

    const job = await queue.submit(request());

    expect(await sql`select id from jobs`).toEqual([{ id: job.id }]);
  });
});

const any = { jobs: 0, bytes: 0 };
const bob = { key: 'entity:bob', displayName: 'Bob' };

describe('P16: what waits is bounded', () => {
  test.each([
    ['jobs of its owner', { owner: { jobs: 2, bytes: 0 }, all: any }, 'owner_full'],
    ['bytes of its owner', { owner: { jobs: 0, bytes: 1_000 }, all: any }, 'owner_full'],
    ['jobs in all', { owner: any, all: { jobs: 2, bytes: 0 } }, 'waiting_full'],
    ['bytes in all', { owner: any, all: { jobs: 0, bytes: 1_000 } }, 'waiting_full'],
  ])('by %s: a submit beyond stores and spends nothing', async (_, limits, code) => {
    const { queue, secrets, request } = openLine({}, limits);
    const fields = { image: 'busybox', env: [`PADDING=${'x'.repeat(500)}`] };
    for (let count = 0; count < 2; count++) await queue.submit(request({ fields }));
    const asked = secrets.asked.length;
    const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;
    const before = await sql`select seq from events order by seq desc limit 1`;

    await expect(
      queue.submit(request({ payload, fields: { content: 'targz,!' } }), 'key'),
    ).rejects.toMatchObject({
      name: 'RefusedError',
      code,
    });

    expect(secrets.asked).toHaveLength(asked);
    expect(await sql`select 1 from jobs`).toHaveLength(2);
    expect(await sql`select 1 from idempotency_keys`).toEqual([]);
    expect(await sql`select seq from events order by seq desc limit 1`).toEqual(before);
    expect(await sql`select 1 from request_parts`).toEqual([]);
  });

  test('one owner keeps no other from submitting, and may submit again once a job no longer waits', async () => {
    const { queue, request } = openLine({}, { owner: { jobs: 1, bytes: 0 }, all: any });
    const first = await queue.submit(request());
    await expect(queue.submit(request())).rejects.toMatchObject({ code: 'owner_full' });

    await queue.submit(request({ owner: bob }));
    await queue.kill(first.id, everyone, caller);
    await queue.submit(request());

    expect(await sql`select 1 from jobs where state = 'queued'`).toHaveLength(2);
  });

  test('a repeat under its key is answered, however much waits', async () => {
    const { queue, request } = openLine({}, { owner: { jobs: 1, bytes: 0 }, all: any });
    const asked = request();
    const first = await queue.submit(asked, 'key');

    expect(await queue.submit(asked, 'key')).toMatchObject({ id: first.id, isReplay: true });
  });

  test('submits of several nodes at once go beyond the limit by those in work at most', async () => {
    const limits = { owner: { jobs: 10, bytes: 0 }, all: any };
    const nodes = [openLine({}, limits), openLine({}, limits)];
    const inWork = 4;
    const submitSome = async ({ queue, request }: (typeof nodes)[number]) => {
      for (let count = 0; count < 10; count++)
        await queue.submit(request({ queue: null })).catch(() => undefined);
    };

    await Promise.all(nodes.flatMap((node) => Array.from({ length: inWork }, () => submitSome(node))));

    const stored = await sql`select 1 from jobs`;
    expect(stored.length).toBeGreaterThanOrEqual(10);
    expect(stored.length).toBeLessThan(10 + nodes.length * inWork);
  });
});

describe('a submit behind others', () => {
  test('Q11: to a queue that is full spends nothing', async () => {
    const { queue, secrets, request } = openLine();
    await store.configureQueue('q', { maxWaiting: 1 }, 'entity:op');
    await queue.submit(request());
    await queue.submit(request());
    const asked = secrets.asked.length;
    const payload = { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') } as const;

    await expect(queue.submit(request({ payload }))).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'queue_full',
    });

    expect(secrets.asked).toHaveLength(asked);
    expect(await sql`select 1 from jobs`).toHaveLength(2);
  });

  test('V6: stores the expiry of the wrapping token, and warns when that is before the forecast turn', async () => {
    const { queue, secrets, request } = openLine();
    for (let count = 0; count < 2; count++) {
      const claim = await submitInto(store, 'succeeded');
      await sql`update jobs set started_at = finished_at - interval '3 hours' where id = ${claim.id}`;
    }
    expect((await queue.submit(request())).warnings).toEqual([]);

    const job = await queue.submit(request({ wrappedSecretId: secrets.addWrap() }));

    expect(job.warnings).toEqual([expect.stringContaining('1 job is before it')]);
    const rows = await sql`select wrap_expires_at > now() as good from jobs where id = ${job.id}`;
    expect(rows).toEqual([{ good: true }]);
  });

  test.each([3_600_000, -3_600_000])(
    "Q10: stores the expiry of its wrapping token by the database's clock, where Vault's is %i ms ahead of it",
    async (aheadMs) => {
      const { queue, secrets, request } = openLine();
      const seen = { expiresAt: Date.now() + aheadMs + 60_000, ttlMs: 60_000, leftMs: 60_000 };
      secrets.lookUpWrappingToken = () => Promise.resolve(seen);

      const { id } = await queue.submit(request());

      const [row] = await sql`
        select extract(epoch from wrap_expires_at - submitted_at)::float8 as seconds from jobs where id = ${id}`;
      expect(row?.seconds).toBeGreaterThan(50);
      expect(row?.seconds).toBeLessThan(70);
    },
  );
});

describe('a job out of reach', () => {
  test('looks like a missing one to every question', async () => {
    const { queue, told } = openLine();
    const { id } = await submitInto(store, 'queued');
    const asks = [
      (jobId: string) => queue.get(jobId, stranger),
      (jobId: string) => queue.output(jobId, stranger),
      (jobId: string) => queue.kill(jobId, stranger, caller),
      (jobId: string) => queue.delete(jobId, stranger, caller),
      (jobId: string) => queue.unlist(jobId, stranger, caller),
    ];

    for (const ask of asks) {
      const refusal = { name: 'RefusedError', code: 'not_found', message: 'not found' };
      await expect(ask(id)).rejects.toMatchObject(refusal);
      await expect(ask('0'.repeat(24))).rejects.toMatchObject(refusal);
    }
    expect(told).toEqual([]);
  });
});

describe('a kill', () => {
  test('is forwarded, and wakes the nodes when the turn was passed', async () => {
    const { queue, told, request } = openLine();
    const first = await queue.submit(request());
    const second = await queue.submit(request());
    told.length = 0;

    const asked = await queue.kill(first.id, everyone, caller);
    await queue.kill(second.id, everyone, caller);

    expect(asked).toMatchObject({ state: 'queued', killRequestedAt: expect.any(Date) });
    expect(told).toEqual([`kill ${first.id}`, 'ready', `kill ${second.id}`]);
  });
});

describe('taking a job off its list', () => {
  test('kills it, and leaves its record and its events', async () => {
    const { queue, told, request } = openLine();
    const label = { name: 'train', project: 'vision' };
    const { id } = await queue.submit(request({ label }));
    expect(await queue.find({ door: 'gostint', ...label }, everyone)).toMatchObject({ id, label });

    await queue.unlist(id, everyone, caller);
    await queue.unlist(id, everyone, caller);

    expect(told).toContain(`kill ${id}`);
    expect(await queue.get(id, everyone)).toMatchObject({ state: 'canceled', unlistedAt: expect.any(Date) });
    await expect(queue.find({ door: 'gostint', ...label }, everyone)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('has no effect on how an ended job ended', async () => {
    const { queue } = openLine();
    const { id } = await submitInto(store, 'failed');

    await queue.unlist(id, everyone, caller);

    expect(await queue.get(id, everyone)).toMatchObject({ state: 'failed', unlistedAt: expect.any(Date) });
  });
});

describe('a job without a Vault identity', () => {
  test('is stored without asking Vault, with what it asks of its container', async () => {
    const { queue, request } = openLine();
    const fields = { image: 'busybox', options: { network: 'none' } };

    const { id } = await queue.submit(request({ wrappedSecretId: undefined, fields }));

    expect(await queue.get(id, everyone)).toMatchObject({ state: 'queued', options: { network: 'none' } });
  });
});

describe('a delete', () => {
  test('of an active job is a conflict', async () => {
    const { queue } = openLine();
    const { id } = await submitInto(store, 'running');

    await expect(queue.delete(id, everyone, caller)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of a waiting job wakes the nodes for the next', async () => {
    const { queue, told, request } = openLine();
    const first = await queue.submit(request());
    await queue.submit(request());

    await queue.delete(first.id, everyone, caller);

    expect(told).toEqual(['ready', 'ready']);
    await expect(queue.get(first.id, everyone)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('output', () => {
  test('is shown in full by itself, and its end in a list', async () => {
    const { queue } = openLine();
    const claim = await submitInto(store, 'running');
    const bytes = Buffer.from('0123456789'.repeat(1000));
    await store.appendOutput(claim, { seq: 0, position: 0, runs: [10_000], bytes, drop: undefined });
    await store.finishJob(claim, succeeded, { ...noOutput, flaw: 'output_broken' });

    const [listed] = (await queue.list({ skip: 0, limit: 10 }, everyone)).jobs;

    expect((await queue.output(claim.id, everyone)).combined).toHaveLength(10_000);
    expect((await queue.output(claim.id, everyone, { tailBytes: 3 })).combined).toEqual(Buffer.from('789'));
    expect(listed?.output).toMatchObject({
      complete: false,
      incompleteReason: 'output_broken',
      droppedBytes: 0,
    });
    expect(listed?.output.combined).toHaveLength(4096);
  });

  test('of a running job has no half of a character at its end, and is stored as it came', async () => {
    const { queue } = openLine();
    const claim = await submitInto(store, 'running');
    const bytes = Buffer.from('a€').subarray(0, 3);
    await store.appendOutput(claim, { seq: 0, position: 0, runs: [3], bytes, drop: undefined });

    expect((await queue.output(claim.id, everyone)).combined).toEqual(Buffer.from('a'));
    await store.finishJob(claim, succeeded, noOutput);
    expect((await queue.output(claim.id, everyone)).combined).toEqual(bytes);
    expect((await store.readOutput(claim.id, undefined))[0]?.bytes).toEqual(bytes);
  });
});

test('counts tell states and reasons', async () => {
  const { queue } = openLine();
  await submitInto(store, 'failed', { queue: 'a' });
  await submitInto(store, 'queued', { queue: 'b' });

  const counts = await queue.counts();

  expect(counts).toHaveLength(2);
  expect(counts).toContainEqual({ state: 'failed', reason: 'exit_code', count: 1 });
  expect(counts).toContainEqual({ state: 'queued', reason: undefined, count: 1 });
});
