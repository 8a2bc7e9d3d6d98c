import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { asker, submitAndClaim, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const leaseHash = 'a'.repeat(64);
const app = { path: 'kv/data/app', keys: ['user', 'password'], version: 2, leaseHash: undefined };
const login = { path: 'database/creds/app', keys: ['username'], version: undefined, leaseHash };
const page = { version: undefined, after: undefined, limit: 100 };

const eventsOf = async (id: string) =>
  await sql`select actor, detail from events where job_id = ${id} and kind = 'secrets_read' order by seq`;

test('A6: what a job was given is one event, also when its statement is repeated or the claim is over', async () => {
  const claim = await submitAndClaim(store, { queue: null });
  await store.recordReads(claim, 'node-1', [app, login]);
  await sql`update jobs set fence = nextval('job_fences') where id = ${claim.id}`;
  await store.recordReads(claim, 'node-1', [app, login]);

  expect(await eventsOf(claim.id)).toEqual([
    {
      actor: 'node:node-1',
      detail: {
        fence: Number(claim.fence),
        part: 0,
        reads: [
          { path: app.path, keys: app.keys, version: 2 },
          { path: login.path, keys: login.keys, lease: leaseHash },
        ],
      },
    },
  ]);
});

test('thousands of paths make several events, and each path is found', async () => {
  const claim = await submitAndClaim(store, { queue: null });
  const many = Array.from({ length: 450 }, (_, index) => ({ ...app, path: `kv/data/many/${index}` }));

  await store.recordReads(claim, 'node-1', many);

  const sizes = (await eventsOf(claim.id)).map(({ detail }) => detail.reads.length);
  expect(sizes).toEqual([200, 200, 50]);
  expect(await store.listReads({ ...page, path: 'kv/data/many/449' })).toMatchObject([{ jobId: claim.id }]);
});

test('A6: which jobs read a path and version is answered page by page, of deleted jobs too', async () => {
  const ids = [];
  for (const version of [1, 2, 2, 2, 3]) {
    const claim = await submitInto(store, 'succeeded', { queue: null });
    await store.recordReads(claim, 'node-1', [{ ...app, path: 'kv/data/asked', version }]);
    ids.push(claim.id);
  }
  await store.deleteJob(ids[1] ?? '', asker);
  const asked = { ...page, path: 'kv/data/asked' };

  const first = await store.listReads({ ...asked, version: 2, limit: 2 });
  const next = await store.listReads({ ...asked, version: 2, limit: 2, after: first.at(-1) });

  expect([...first, ...next].map(({ jobId }) => jobId)).toEqual(ids.slice(1, 4));
  expect(first[0]).toMatchObject({
    version: '2',
    actor: 'node:node-1',
    read: { keys: ['user', 'password'] },
  });
  expect((await store.listReads(asked)).map(({ jobId }) => jobId)).toEqual(ids);
  expect(await store.listReads({ ...asked, path: 'kv/data/other' })).toEqual([]);
});

test('the question reads no more than its page', async () => {
  await sql`
    insert into events (job_id, kind, actor, detail)
    select lpad(n::text, 24, '0'), 'secrets_read', 'node:1', '{"reads": [{"path": "kv/data/busy"}]}'
    from generate_series(1, 20000) as n`;
  await sql`
    insert into secret_reads (seq, path_hash, version, job_id)
    select seq, sha256('kv/data/busy'), 0, job_id from events where detail @> '{"reads": [{"path": "kv/data/busy"}]}'`;
  await sql`analyze events, secret_reads`;

  const found = await store.listReads({ ...page, path: 'kv/data/busy', limit: 10 });
  const [plan] = await sql`
    explain (analyze, buffers, format json)
    with page as (
      select seq, version, job_id from secret_reads where path_hash = sha256('kv/data/busy')
      order by version, seq limit 10
    ) select * from page join events using (seq)`;

  expect(found).toHaveLength(10);
  const top = plan?.['QUERY PLAN'][0].Plan;
  expect(top['Shared Hit Blocks'] + top['Shared Read Blocks']).toBeLessThan(100);
});

test('A6: how often the login was renewed is said when it is revoked', async () => {
  const { id } = await submitInto(store, 'succeeded', { queue: null });

  await store.markTokenRevoked(id, 'node:node-1', 3);

  const [event] = await sql`select detail from events where job_id = ${id} and kind = 'token_revoked'`;
  expect(event?.detail).toEqual({ renewals: 3 });
});

test.each(['update secret_reads set version = 0', 'delete from secret_reads', 'truncate secret_reads'])(
  'the database refuses: %s',
  async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toThrow('The table secret_reads is append-only.');
  },
);
