import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { TcpProxy, through } from '../../../rig/tcp-proxy.js';
import { BrokenError } from '../../../src/job/errors.js';
import type { JobRequest } from '../../../src/job/job.js';
import type { Queue } from '../../../src/queue/queue.js';
import { createQueue } from '../../../src/queue/service/queue-service.js';
import { openStore, type Store } from '../../../src/store/store.js';
import { openTestDatabase } from '../../support/database.js';
import { FakeBackend, Hold } from '../../support/fake-backend.js';
import { noParents } from '../../support/fake-queue.js';
import { FakeSecrets } from '../../support/fake-secrets.js';
import { newJob, owner } from '../../support/stored-jobs.js';
import { caller, everyone } from '../../support/test-node.js';

// Q5: the same key never makes two jobs, and nothing is spent twice.

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.clear();
  await sql`truncate idempotency_keys`;
});

const sealKey = randomBytes(32);

/** The queue of one of several nodes. */
function openLine(secrets: FakeSecrets, changes: Partial<Store> = {}): Queue {
  return createQueue({
    store: { ...store, ...changes },
    secrets,
    backend: new FakeBackend(),
    sealKey,
    keyTtlMs: 60_000,
    queueLimit: 0,
    wrapMinimumMs: 3_600_000,
    wake: () => undefined,
    forwardKill: () => undefined,
    parents: noParents,
  });
}

function requestTo(secrets: FakeSecrets, changes: Partial<JobRequest> = {}): JobRequest {
  return {
    door: 'gostint',
    queue: 'q',
    owner,
    wrappedSecretId: secrets.addWrap(),
    payload: { kind: 'cubbyhole', ...secrets.addPayload('vault:v1:abc') },
    fields: { image: 'busybox', env: ['A=hidden-value'] },
    ...changes,
  };
}

/** Does what a client does: tries again while the first request is in progress. */
async function insist(queue: Queue, request: JobRequest): Promise<string> {
  for (;;) {
    try {
      return (await queue.submit(request, 'key-1')).id;
    } catch (error) {
      if ((error as { code?: string }).code !== 'key_in_flight') throw error;
    }
  }
}

/** Its result or error, to be checked later. */
function outcomeOf(work: Promise<object>): Promise<unknown> {
  return work.catch((error: unknown) => error);
}

async function countJobs(): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from jobs`;
  return row?.count ?? -1;
}

test('Q5: 50 equal submits at once on two nodes make one job and read the cubbyhole once', async () => {
  const secrets = new FakeSecrets();
  const nodes = [openLine(secrets), openLine(secrets)];
  const request = requestTo(secrets);

  const ids = await Promise.all(
    Array.from({ length: 50 }, (_, index) => insist(nodes[index % 2] as Queue, request)),
  );

  expect(new Set(ids).size).toBe(1);
  expect(await countJobs()).toBe(1);
  expect(secrets.count('payload')).toBe(1);
  expect(secrets.count('lookUp')).toBe(1);
});

test('a repeated submit gets the first answer again, also when the job has gone on or is gone', async () => {
  const secrets = new FakeSecrets();
  const queue = openLine(secrets);
  const request = requestTo(secrets);
  const first = await queue.submit(request, 'key-1');
  await queue.kill(first.id, everyone, caller);

  const second = await queue.submit(request, 'key-1');
  await queue.delete(first.id, everyone, caller);
  const third = await queue.submit(request, 'key-1');

  expect(first).not.toHaveProperty('isReplay');
  expect(first.warnings).toEqual([expect.stringContaining('3600 seconds')]);
  expect(second).toEqual({ ...first, isReplay: true });
  expect(third).toEqual({ ...first, isReplay: true });
  expect(await countJobs()).toBe(0);
});

test('a repeated submit is the same also when its parts come in another order', async () => {
  const secrets = new FakeSecrets();
  const queue = openLine(secrets);
  const request = requestTo(secrets, { fields: { image: 'a', tty: true } });
  const { id } = await queue.submit(request, 'key-1');

  const again = await queue.submit({ ...request, fields: { tty: true, image: 'a' } }, 'key-1');

  expect(again.id).toBe(id);
});

test('a repeated submit is answered after the reply of the commit was lost for good', async () => {
  const secrets = new FakeSecrets();
  const lost = new BrokenError('internal', 'The reply was lost.', { retryable: false });
  const insertJob: Store['insertJob'] = async (job) => {
    await store.insertJob(job);
    throw lost;
  };
  const request = requestTo(secrets);

  await expect(openLine(secrets, { insertJob }).submit(request, 'key-1')).rejects.toBe(lost);
  const again = await openLine(secrets).submit(request, 'key-1');

  expect(again.isReplay).toBe(true);
  expect(await sql`select id from jobs`).toEqual([{ id: again.id }]);
  expect(secrets.count('payload')).toBe(1);
});

test('Q5: a submit whose connection dies while its job is stored finds the one job, and so does its repeat', async () => {
  const secrets = new FakeSecrets();
  const server = new URL(database.url);
  await using proxy = await TcpProxy.start({ to: { host: '127.0.0.1', port: Number(server.port) } });
  await using far = await openStore(through(database.url, proxy), 'migrations');
  await store.insertJob(newJob({ queue: 'q' }));
  const request = requestTo(secrets);
  const lock = await sql.reserve();
  await lock`begin`;
  await lock`select from queues where name = 'q' for update`;

  const first = openLine(secrets, far).submit(request, 'key-1');
  const waiting = () =>
    sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await expect.poll(waiting).toHaveLength(1);
  proxy.refuse();
  await lock`commit`;
  lock.release();
  await expect.poll(countJobs).toBe(2);
  proxy.heal();

  const { id } = await first;
  expect((await openLine(secrets).submit(request, 'key-1')).id).toBe(id);
  expect(await countJobs()).toBe(2);
  expect(secrets.count('payload')).toBe(1);
});

test('a submit whose reply was lost finds its job by itself', async () => {
  const secrets = new FakeSecrets();
  let tries = 0;
  const insertJob: Store['insertJob'] = async (job) => {
    const answer = await store.insertJob(job);
    if (tries++ === 0) throw new BrokenError('database_unavailable', 'The reply was lost.');
    return answer;
  };

  const job = await openLine(secrets, { insertJob }).submit(requestTo(secrets), 'key-1');

  expect(await sql`select id from jobs`).toEqual([{ id: job.id }]);
});
test.each([
  ['another wrapping token', (secrets: FakeSecrets) => ({ wrappedSecretId: secrets.addWrap() })],
  ['another payload', (secrets: FakeSecrets) => requestTo(secrets)],
  ['another queue', () => ({ queue: 'other' })],
  ['no queue', () => ({ queue: null })],
  ['other fields', () => ({ fields: { image: 'other' } })],
])('a key is refused for a request with %s, and nothing is spent', async (_, change) => {
  const secrets = new FakeSecrets();
  const queue = openLine(secrets);
  const request = requestTo(secrets);
  await queue.submit(request, 'key-1');
  const asked = secrets.asked.length;

  await expect(queue.submit({ ...request, ...change(secrets) }, 'key-1')).rejects.toMatchObject({
    name: 'RefusedError',
    code: 'key_reused',
  });

  expect(secrets.asked).toHaveLength(asked);
  expect(await countJobs()).toBe(1);
});

test('a key belongs to one owner', async () => {
  const secrets = new FakeSecrets();
  const queue = openLine(secrets);
  const { id } = await queue.submit(requestTo(secrets), 'key-1');

  const other = await queue.submit(
    requestTo(secrets, { owner: { key: 'entity:bob', displayName: 'Bob' } }),
    'key-1',
  );

  expect(other.id).not.toBe(id);
  expect(other).not.toHaveProperty('isReplay');
});

test('a key whose first request is still in progress is refused, and free when that was refused', async () => {
  const secrets = new FakeSecrets();
  const request = requestTo(secrets);
  const hold = new Hold();
  const readQueueForecast = async () => {
    await hold.wait();
    throw new BrokenError('database_unavailable', 'Unavailable.');
  };
  const first = outcomeOf(openLine(secrets, { readQueueForecast }).submit(request, 'key-1'));
  await expect.poll(() => sql`select key from idempotency_keys`).toHaveLength(1);

  await expect(openLine(secrets).submit(request, 'key-1')).rejects.toMatchObject({ code: 'key_in_flight' });
  hold.release();
  expect(await first).toMatchObject({ message: 'Unavailable.' });

  expect(await openLine(secrets).submit(request, 'key-1')).not.toHaveProperty('isReplay');
  expect(secrets.count('payload')).toBe(1);
});

test('a key whose claim was carried out, its reply lost, is free at once', async () => {
  const secrets = new FakeSecrets();
  const lost = new BrokenError('database_unavailable', 'The reply was lost.');
  const claimKey: Store['claimKey'] = async (...asked) => {
    await store.claimKey(...asked);
    throw lost;
  };
  const request = requestTo(secrets);

  await expect(openLine(secrets, { claimKey }).submit(request, 'key-1')).rejects.toBe(lost);

  expect(await openLine(secrets).submit(request, 'key-1')).not.toHaveProperty('isReplay');
});

test('a key whose process died before the answer is free after a minute, and a late answer stores nothing', async () => {
  const secrets = new FakeSecrets();
  const hold = new Hold();
  const slow = openLine(secrets, {
    insertJob: async (job) => {
      await hold.wait();
      return store.insertJob(job);
    },
  });
  const request = requestTo(secrets, { payload: { kind: 'none' } });
  const late = outcomeOf(slow.submit(request, 'key-1'));
  await expect.poll(() => sql`select key from idempotency_keys`).toHaveLength(1);
  await sql`update idempotency_keys set claimed_at = claimed_at - interval '61 seconds'`;

  const { id } = await openLine(secrets).submit(request, 'key-1');
  hold.release();
  expect(await late).toMatchObject({ code: 'key_in_flight' });

  expect(await sql`select id from jobs`).toEqual([{ id }]);
  expect((await openLine(secrets).submit(request, 'key-1')).id).toBe(id);
});

test('a key keeps nothing of the request', async () => {
  const secrets = new FakeSecrets();
  const request = requestTo(secrets);
  await openLine(secrets).submit(request, 'key-1');

  const text = JSON.stringify(await sql`select k::text as text from idempotency_keys as k`);

  expect(text).toContain('key-1');
  expect(text).not.toContain('hidden-value');
  expect(text).not.toContain(request.wrappedSecretId?.reveal());
});

test('a key is new again when it has expired, and is deleted in batches', async () => {
  const secrets = new FakeSecrets();
  const queue = openLine(secrets);
  for (const key of ['a', 'b', 'c', 'd']) await queue.submit(requestTo(secrets), key);
  await sql`update idempotency_keys set expires_at = clock_timestamp() where key <> 'd'`;

  const again = await queue.submit(requestTo(secrets), 'a');

  expect(again).not.toHaveProperty('isReplay');
  expect(await store.deleteExpiredKeys(1)).toBe(1);
  expect(await store.deleteExpiredKeys(10)).toBe(1);
  expect(await store.deleteExpiredKeys(10)).toBe(0);
  expect((await sql`select key from idempotency_keys order by key`).map(({ key }) => key)).toEqual([
    'a',
    'd',
  ]);
});
