import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { claimOne, newJob, stateOf, submit } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** Things that would end a real process. */
const fatal: unknown[] = [];
const remember = (error: unknown) => void fatal.push(error);
process.on('uncaughtException', remember);
process.on('unhandledRejection', remember);
afterEach(() => {
  if (fatal.length > 0) throw fatal[0];
});
afterAll(() => {
  process.off('uncaughtException', remember);
  process.off('unhandledRejection', remember);
});

/** Ends the store's connections: those that match, or all. */
async function terminate(matching: string): Promise<number> {
  const rows = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'stint' and query like ${matching}`;
  return rows.length;
}

test('a backend that dies in the middle of a statement is a breakdown, and the process goes on', async () => {
  const id = await submit(store);
  const holder = await sql.reserve();
  try {
    await holder`begin`;
    await holder`select 1 from jobs where id = ${id} for update`;
    const asked = store.requestKill(id, { reach: { everyone: true }, actor: 'entity:ann' });
    const settled = Promise.allSettled([asked]);
    await expect.poll(() => terminate('%with asked as%')).toBe(1);
    expect(await settled).toMatchObject([{ reason: { name: 'BrokenError', code: 'database_unavailable' } }]);
  } finally {
    await holder`rollback`;
    holder.release();
  }

  await expect.poll(() => stateOf(store, id).catch(() => 'away')).toBe('queued');
});

test('connections that die between statements cost one attempt at most', async () => {
  for (let round = 0; round < 10; round++) {
    await Promise.all([store.ping(), store.countJobs()]);
    await terminate('%');
    await expect.poll(() => submit(store, { queue: null }).catch(() => undefined)).toBeDefined();
  }

  expect((await claimOne(store)).sealed).not.toBeNull();
});

const submitMany = () => Promise.all(Array.from({ length: 40 }, () => submit(store, { queue: null })));

test('no slot of the pool is lost, however many connections die', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 10; round++) {
    const asked = Array.from({ length: 12 }, () => store.insertJob(newJob({ queue: null })));
    await terminate('%');
    await Promise.allSettled(asked);
  }

  // A backend that was told to end may do so later, and then costs the statement that it has.
  await expect
    .poll(() => submitMany().then((ids) => new Set(ids).size, String), { timeout: 20_000 })
    .toBe(40);
});

test('an error shows the state of the database, never what was written', async () => {
  const job = newJob({ owner: { key: 'entity:ann', displayName: 'hunter2' } });
  await store.insertJob(job);

  await expect(store.insertJob(job)).rejects.toMatchObject({
    message: 'Could not carry out a database statement: SQLSTATE 23505.',
    retryable: false,
  });
});
