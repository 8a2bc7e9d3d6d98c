import { afterAll, beforeEach, expect, test } from 'vitest';
import { adoptOwnJobs } from '../../../src/store/jobs/adopt.js';
import { claimJobs } from '../../../src/store/jobs/claim.js';
import { listKills } from '../../../src/store/jobs/requests.js';
import { settleDeadJobs, settleOwnJobs } from '../../../src/store/jobs/settle.js';
import { readQueueForecast } from '../../../src/store/jobs/submit.js';
import { withholdTurns } from '../../../src/store/jobs/waiting.js';
import { listNodes } from '../../../src/store/nodes/nodes.js';
import type { Sql } from '../../../src/store/postgres/connection.js';
import { readQueues } from '../../../src/store/queues/queues.js';
import { openTestDatabase } from '../../support/database.js';
import { pagesOf } from '../../support/pages.js';
import { submit } from '../../support/stored-jobs.js';

// Parents that rest are rows of the table of jobs, and no work of its nodes.

const database = await openTestDatabase();
const { sql, store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** 9,000 rows: a third of them wait, a third are under way, a third have ended. Or all of them plain jobs that have ended. */
async function fill(what: 'parents' | 'plain jobs'): Promise<void> {
  const isParent = what === 'parents';
  await sql`
    insert into jobs (id, state, turn, door, owner_key, owner_name, finished_at, is_parent)
    select lpad(to_hex(n), 24, '0'), case when not ${isParent} or n % 3 = 0 then 'canceled' when n % 3 = 1 then 'preparing' else 'queued' end,
           false, 'gaffer', 'entity:ann', 'Ann', case when not ${isParent} or n % 3 = 0 then now() end, ${isParent}
    from generate_series(1, 9000) as n`;
  await sql`insert into nodes (id, version, slots) values ('node-1', '0', 4) on conflict do nothing`;
  for (const queue of ['q1', 'q2', 'q3', 'q4']) await submit(store, { queue });
  await sql`vacuum full analyze jobs`;
}

const rules = { graceMs: 60_000, holdMs: 1_000 };

/** By a connection that has planned it before: what it then reads is the tables and indexes. */
async function pagesOfSecond(statement: (sender: Sql) => Promise<unknown>): Promise<number> {
  const connection = await sql.reserve();
  try {
    await pagesOf(connection, statement);
    return await pagesOf(connection, statement);
  } finally {
    connection.release();
  }
}

/** Two claims, of two jobs each. */
function claimTwice(): Promise<number> {
  return pagesOfSecond((sender) => claimJobs(sender, { node: 'node-1', limit: 2, leaseMs: 30_000 }));
}

test('a claim reads as many pages as beside as many plain jobs', { timeout: 60_000 }, async () => {
  await fill('plain jobs');
  const plain = await claimTwice();
  await database.clear();
  await fill('parents');

  expect(await claimTwice()).toBeLessThanOrEqual(plain);
});

const statements: [string, (sender: Sql) => Promise<unknown>][] = [
  ['the settling of dead jobs', (sender) => settleDeadJobs(sender, 'node-1', rules)],
  ["the settling of a node's own jobs", (sender) => settleOwnJobs(sender, 'node-1')],
  ['the adoption', (sender) => adoptOwnJobs(sender, 'node-1', 30_000)],
  ['the list of kills', (sender) => listKills(sender, 'node-1')],
  ['the list of nodes', (sender) => listNodes(sender)],
  ['the forecast of a queue', (sender) => readQueueForecast(sender, 'q1', 10)],
  ['the list of queues', (sender) => readQueues(sender, { after: null, limit: 10 })],
  ['the taking back of turns', (sender) => withholdTurns(sender)],
];

test.each(statements)('%s reads no parents', { timeout: 60_000 }, async (_, statement) => {
  await fill('parents');

  expect(await pagesOfSecond(statement)).toBeLessThan(60);
});

test('no parent is in an index that claims, leases, forecasts and turns use', {
  timeout: 60_000,
}, async () => {
  await fill('parents');

  const rows = await sql<{ name: string; entries: number }[]>`
    select relname as name, reltuples::integer as entries from pg_class where relname = any(${lean})`;

  expect(rows.map(({ name }) => name).toSorted()).toEqual(lean);
  expect(rows.filter(({ entries }) => entries > 4)).toEqual([]);
});

const lean = [
  'jobs_active_of_node',
  'jobs_ended_in_queue',
  'jobs_one_turn_per_queue',
  'jobs_ready',
  'jobs_waiting_in_queue',
  'jobs_with_lease',
];
