import { afterAll, beforeEach, expect, test } from 'vitest';
import { startPostgres } from '../../../rig/postgres/postgres.js';
import { type Notifier, openNotifier } from '../../../src/store/postgres/listen.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

let heard: string[] = [];
beforeEach(() => {
  heard = [];
});

const handlers = {
  onReady: () => void heard.push('ready'),
  onKill: (jobId: string) => void heard.push(jobId),
  onFailure: () => void heard.push('trouble'),
};

/** Listening starts with a look of its own, once a channel; those are forgotten. */
async function listen(): Promise<Notifier> {
  const notifier = await store.listen(handlers);
  heard = [];
  return notifier;
}

test('listening begins with a look: something may have been missed', async () => {
  await using notifier = await store.listen(handlers);

  expect(heard).toContain('ready');
  expect(notifier).toBeDefined();
});

test('a notifier reaches every node', async () => {
  await using first = await listen();
  await using second = await listen();

  first.notifyReady();
  second.notifyKill('a'.repeat(24));

  await expect.poll(() => heard.filter((each) => each === 'ready')).toHaveLength(2);
  await expect.poll(() => heard.filter((each) => each === 'a'.repeat(24))).toHaveLength(2);
});

test('many calls for ready jobs become one', async () => {
  await using notifier = await listen();

  for (let i = 0; i < 50; i++) notifier.notifyReady();
  await expect.poll(() => heard).toContain('ready');
  notifier.notifyKill('end');
  await expect.poll(() => heard).toContain('end');

  expect(heard).toEqual(['ready', 'end']);
});

test('after its backend died it listens again, and looks for what it missed', async () => {
  await using notifier = await listen();
  const rows = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`;
  expect(rows.length).toBe(1);

  await expect.poll(() => heard, { timeout: 5000 }).toContain('ready');
  heard = [];
  notifier.notifyKill('b');
  await expect.poll(() => heard).toContain('b');
});

test('after the server was away for a while it listens again', { timeout: 20_000 }, async () => {
  await using server = (await startPostgres({ alwaysOwn: true })).own;
  if (server === undefined) throw new Error('Expected a server of our own.');
  await using notifier = await openNotifier(server.url, sql, handlers);
  await server.stop();
  await expect.poll(() => fetchFails(server.url)).toBe(true);
  heard = [];
  await server.start();

  await expect.poll(() => heard, { timeout: 8000 }).toContain('ready');
  expect(notifier).toBeDefined();
});

async function fetchFails(url: string): Promise<boolean> {
  return await openNotifier(url, sql, handlers).then(
    () => false,
    (error: Error) => error.name === 'BrokenError',
  );
}

test('a notifier that cannot be rung is trouble, not an end', async () => {
  const notifier = await store.listen(handlers);
  await notifier[Symbol.asyncDispose]();
  heard = [];
  const silent = await openNotifier(
    database.url,
    (() => Promise.reject(new Error('away'))) as never,
    handlers,
  );

  silent.notifyKill('c');
  await silent[Symbol.asyncDispose]();

  expect(heard).toContain('trouble');
  expect(heard).not.toContain('c');
});

test('an ended notifier leaves no connection behind', async () => {
  const before = await countListeners();
  const notifier = await listen();
  notifier.notifyReady();

  await notifier[Symbol.asyncDispose]();

  await expect.poll(countListeners).toBe(before);
});

async function countListeners(): Promise<number> {
  const [row] = await sql`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and query like 'listen%'`;
  return row?.count;
}
