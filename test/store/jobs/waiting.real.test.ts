import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { withholdTurns } from '../../../src/store/jobs/waiting.js';
import type { Sql } from '../../../src/store/postgres/connection.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, newJob, stateOf, submit, submitAndClaim, wait } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const ago = (seconds: number) => -seconds * 1000;
const long = ago(60);

async function hasTurn(id: string): Promise<boolean> {
  const [row] = await sql`select turn from jobs where id = ${id}`;
  return row?.turn;
}

describe('V6: a waiting job whose wrapping token has expired', () => {
  test('fails with the time, without credentials, and passes the turn on', async () => {
    const first = await submit(store, { wrapLeftMs: long });
    const next = await submit(store);

    const expired = await store.expireWaiting('node:node-1');

    expect(expired).toEqual([{ id: first, queue: 'q', next }]);
    const found = await store.findJob(first, { everyone: true });
    const facts = await store.readJobFacts(first, { everyone: true });
    const end = facts?.wrapExpiresAt?.toISOString().slice(0, 19);
    expect(found?.job).toMatchObject({
      state: 'failed',
      reason: 'auth_refused',
      code: 'wrap_expired',
      message: expect.stringContaining(`expired at ${end}Z`),
      finishedAt: expect.any(Date),
      startedAt: undefined,
      containerId: undefined,
    });
    expect(await hasTurn(next)).toBe(true);
    expect(await sql`select job_id from job_requests`).toEqual([{ job_id: next }]);
    const events = await store.readEvents(first);
    expect(events.at(-1)).toMatchObject({
      kind: 'failed',
      actor: 'node:node-1',
      detail: { code: 'wrap_expired' },
    });
  });

  test('and which does not have the turn leaves the turn where it is', async () => {
    const running = await submitAndClaim(store);
    const waiting = await submit(store, { wrapLeftMs: long });

    expect(await store.expireWaiting('node:node-1')).toEqual([{ id: waiting, queue: 'q', next: null }]);

    expect(await stateOf(store, running.id)).toBe('preparing');
  });

  test('fails also while it is postponed because a part is unavailable', async () => {
    const claim = await submitAndClaim(store, { wrapLeftMs: long });
    await store.postponeJob(claim, { ...wait, delayMs: 60_000 });

    expect(await store.expireWaiting('node:node-1')).toHaveLength(1);
    expect(await stateOf(store, claim.id)).toBe('failed');
  });

  test('is left to be tried while clocks may differ', async () => {
    const id = await submit(store, { wrapLeftMs: ago(2) });

    expect(await store.expireWaiting('node:node-1')).toEqual([]);
    expect(await stateOf(store, id)).toBe('queued');
  });
});

test('V6: an expired job is ended once by nodes that come at once, also beside kills and claims', async () => {
  for (let round = 0; round < 10; round++) {
    await database.clear();
    const ids = [];
    for (let count = 0; count < 4; count++) ids.push(await submit(store, { wrapLeftMs: long }));
    const last = await submit(store);

    const [one, other] = await Promise.all([
      store.expireWaiting('node:node-1'),
      store.expireWaiting('node:node-2'),
      store.requestKill(ids[0] ?? '', asker),
      store.requestKill(ids[1] ?? '', asker),
    ]);
    await store.expireWaiting('node:node-1');

    expect(new Set([...one, ...other].map(({ id }) => id)).size).toBe(one.length + other.length);
    expect(await hasTurn(last)).toBe(true);
    expect((await claimOne(store)).id).toBe(last);
  }
});

test.each(['running', 'without a known end', 'with an end to come'])(
  'V6: a job that is %s does not expire',
  async (which) => {
    if (which === 'running') await submitAndClaim(store, { wrapLeftMs: long });
    else if (which === 'without a known end') await submit(store);
    else await submit(store, { wrapLeftMs: 60_000 });

    expect(await store.expireWaiting('node:node-1')).toEqual([]);
  },
);

test('Q11: the expiry reads its own index, however many wait', async () => {
  const sealed = Buffer.from('x');
  for (let count = 0; count < 3; count++) await store.insertJob(newJob({ sealed, wrapLeftMs: long }));
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name, wrap_expires_at)
    select lpad(to_hex(n), 24, '0'), 'q', 'queued', false, 'gostint', 'entity:ann', 'Ann', now() + interval '1 hour'
    from generate_series(1, 5000) as n`;
  await sql`analyze jobs`;

  const plan = await sql`
    explain select id from jobs where state = 'queued' and wrap_expires_at < clock_timestamp() - interval '5 seconds'
    order by wrap_expires_at limit 200`;

  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('jobs_expiring');
});

test('a job that came back to a queue that was paused meanwhile loses the turn', async () => {
  const id = await submit(store);
  await sql`update queues set paused_at = now(), paused_by = 'entity:op', paused_reason = 'x'`;

  await store.withholdTurns();

  expect(await hasTurn(id)).toBe(false);
});

test('looking for such turns reads nothing of the jobs that have no queue, however many wait', async () => {
  await sql`
    insert into queues (name, paused_at)
    select 'queue-' || n, case when n = 1 then now() end from generate_series(0, 999) as n`;
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name, finished_at, exit_code)
    select lpad(to_hex(n), 24, '0'), 'queue-' || n % 1000, 'succeeded', false, 'gostint', 'entity:a', 'a', now(), 0
    from generate_series(1, 30000) as n`;
  await sql`
    insert into jobs (id, state, turn, door, owner_key, owner_name)
    select lpad(to_hex(n), 24, '0'), 'queued', true, 'gostint', 'entity:a', 'a'
    from generate_series(100001, 110000) as n`;
  await sql`analyze jobs, queues`;

  const explained = (texts: TemplateStringsArray) =>
    sql.unsafe(`explain (analyze, buffers, format json) ${texts.join('')}`);
  const found: unknown = await explainedWithholding(explained);
  const [{ 'QUERY PLAN': plans }] = found as [{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }];

  const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = plans[0].Plan;
  expect(hit + read).toBeLessThan(60);
});

/** `withholdTurns` as it sends its own text, but explained. */
async function explainedWithholding(explained: (texts: TemplateStringsArray) => PromiseLike<unknown>) {
  let rows: unknown;
  const sender = (texts: TemplateStringsArray) => explained(texts).then((answer) => (rows = answer));
  await withholdTurns(sender as unknown as Sql);
  return rows;
}
