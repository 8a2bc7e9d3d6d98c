import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../../src/job/job.js';
import type { Alarm } from '../../../src/queue/maintenance/alarms.js';
import { openTestDatabase } from '../../support/database.js';
import { openTestNode } from '../../support/test-node.js';

// A7: somebody changes a job that waits, in the database.

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const label = { name: 'mine', project: 'p', kind: 'k', requester: 'ann' };
const fields = { image: 'busybox', command: ['true'], options: { limits: { pids: 5 }, network: 'none' } };

const alarms: Alarm[] = [];
beforeEach(() => void alarms.splice(0));

function openNode() {
  return openTestNode(store, { alarms: { raise: (alarm) => void alarms.push(alarm) } });
}

async function ended({ id }: Pick<Job, 'id'>) {
  const state = async () => (await sql`select state, code, finished_at from jobs where id = ${id}`)[0];
  await expect.poll(async () => (await state())?.finished_at).not.toBeNull();
  return await state();
}

const refused = { state: 'failed', code: 'request_not_authentic' };

describe('A7: a job that was changed while it waited is refused with an alarm before its unwrap', () => {
  test.each([
    ['its queue', "queue = 'other'"],
    ['its owner', "owner_key = 'entity:bob'"],
    ['the name of its owner', "owner_name = 'Bob'"],
    ['its door', "door = 'jobproxy'"],
    ['its image', "image = 'evil'"],
    ['its options', `options = '{"limits": {"pids": 5}, "network": "host"}'`],
    ['its options away', 'options = null'],
    ['its name', "job_name = 'other'"],
    ['its project', 'project = null'],
    ['its kind', "job_kind = 'other'"],
    ['its requester', "requester = 'bob'"],
    ['its parent', "parent = 'ffffffffffffffffffffffff', slot = 0"],
  ])('%s', async (_, change) => {
    await using node = openNode();
    await sql`insert into queues (name) values ('other') on conflict do nothing`;
    await sql`insert into jobs (id, state, turn, door, owner_key, owner_name, is_parent)
              values (${'f'.repeat(24)}, 'queued', false, 'lopco', 'entity:bob', 'Bob', true)`;
    const job = await node.submit('q', { fields, label });
    await sql.unsafe(`update jobs set ${change} where id = '${job.id}'`);

    node.worker.start();

    expect(await ended(job)).toMatchObject(refused);
    expect(alarms).toMatchObject([{ jobId: job.id, code: 'request_not_authentic' }]);
    expect(node.secrets.count('unwrap')).toBe(0);
    expect(await sql`select from events where job_id = ${job.id} and kind = 'alarm'`).toHaveLength(1);
  });

  test('its command and everything else that is sealed', async () => {
    await using node = openNode();
    const job = await node.submit('q', { fields, label });
    await sql`update job_requests set sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1) where job_id = ${job.id}`;

    node.worker.start();

    expect(await ended(job)).toMatchObject(refused);
    expect(alarms).toHaveLength(1);
    expect(node.secrets.count('unwrap')).toBe(0);
  });

  test('two jobs whose sealed requests were exchanged', async () => {
    await using node = openNode();
    const jobs = [await node.submit('q1', { fields }), await node.submit('q2', { fields })];
    await sql`
      update job_requests as a set sealed = b.sealed from job_requests as b where a.job_id <> b.job_id`;

    node.worker.start();

    for (const job of jobs) expect(await ended(job)).toMatchObject(refused);
    expect(alarms).toHaveLength(2);
    expect(node.secrets.count('unwrap')).toBe(0);
  });
});

describe('A7: what stint itself writes into the row is no change', () => {
  test('a job that nobody touched runs, whatever it asks for', async () => {
    await using node = openNode();
    const options = {
      ...fields.options,
      user: { uid: 7, gid: 8 },
      limits: { cpus: 0.1, memoryBytes: 2 ** 40 },
    };
    const jobs = [
      await node.submit(null, { fields: { ...fields, options }, label: { ...label, name: 'ä"\\' } }),
      await node.submit('q', { fields: { image: 'busybox' } }),
    ];

    node.worker.start();

    for (const job of jobs) expect((await ended(job))?.code).not.toBe('request_not_authentic');
    expect(alarms).toEqual([]);
  });

  test('a job that was prepared before and waits again runs with the image that was recorded then', async () => {
    await using node = openNode();
    const job = await node.submit('q', { fields: { image: 'busybox' } });
    const [claim] = await store.claimJobs({ node: 'node-0', limit: 1, leaseMs: 30_000 });
    if (claim === undefined) throw new Error('Expected a claim.');
    await store.markPrepared(claim, { image: 'of-the-content', imageId: 'i', containerId: 'c', tty: false });
    await store.postponeJob(claim, { code: 'vault_unavailable', message: 'Sealed.', delayMs: 0 });

    node.worker.start();

    expect(await ended(job)).toMatchObject({ state: 'succeeded' });
    expect(alarms).toEqual([]);
  });
});
