import { afterAll, beforeEach, expect, test } from 'vitest';
import { startPostgres } from '../../../rig/postgres/postgres.js';
import { TcpProxy, through } from '../../../rig/tcp-proxy.js';
import { DatabaseAddress } from '../../../src/store/postgres/address.js';
import { type Notifier, openNotifier } from '../../../src/store/postgres/listen.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

let received: string[] = [];
beforeEach(() => {
  received = [];
});

const handlers = {
  onReady: () => void received.push('ready'),
  onKill: (jobId: string) => void received.push(jobId),
  onSignal: (jobId: string, signal: number) => void received.push(`${jobId} ${signal}`),
  onInput: (jobId: string) => void received.push(`input ${jobId}`),
  onFailure: () => void received.push('failure'),
};

/** Listening starts with one call of `onReady` for each channel; those are dropped. */
async function listen(): Promise<Notifier> {
  const notifier = await store.listen(handlers);
  received = [];
  return notifier;
}

test('listening begins with a call of onReady: a notification may have been missed', async () => {
  await using notifier = await store.listen(handlers);

  expect(received).toContain('ready');
  expect(notifier).toBeDefined();
});

test('a notification reaches every node', async () => {
  await using first = await listen();
  await using second = await listen();

  first.notifyReady();
  second.notifyKill('a'.repeat(24));
  second.notifySignal('b'.repeat(24), 15);
  second.notifyInput('c'.repeat(24));

  await expect.poll(() => received.filter((each) => each === 'ready')).toHaveLength(2);
  await expect.poll(() => received.filter((each) => each === 'a'.repeat(24))).toHaveLength(2);
  await expect.poll(() => received.filter((each) => each === `${'b'.repeat(24)} 15`)).toHaveLength(2);
  await expect.poll(() => received.filter((each) => each === `input ${'c'.repeat(24)}`)).toHaveLength(2);
});

test('many calls for ready jobs become one', async () => {
  await using notifier = await listen();

  for (let i = 0; i < 50; i++) notifier.notifyReady();
  await expect.poll(() => received).toContain('ready');
  notifier.notifyKill('end');
  await expect.poll(() => received).toContain('end');

  expect(received).toEqual(['ready', 'end']);
});

test('after its backend died it listens again, and calls onReady for what it missed', async () => {
  await using notifier = await listen();
  const rows = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`;
  expect(rows.length).toBe(1);

  await expect.poll(() => received, { timeout: 5000 }).toContain('ready');
  received = [];
  notifier.notifyKill('b');
  await expect.poll(() => received).toContain('b');
});

test('after an outage of the server it listens again', { timeout: 20_000 }, async () => {
  await using server = (await startPostgres({ alwaysOwn: true })).own;
  if (server === undefined) throw new Error('Expected a server of our own.');
  await using notifier = await openNotifier(new DatabaseAddress(server.url), sql, handlers);
  await server.stop();
  await expect.poll(() => fetchFails(server.url)).toBe(true);
  received = [];
  await server.start();

  await expect.poll(() => received, { timeout: 8000 }).toContain('ready');
  expect(notifier).toBeDefined();
});

async function fetchFails(url: string): Promise<boolean> {
  return await openNotifier(new DatabaseAddress(url), sql, handlers).then(
    () => false,
    (error: Error) => error.name === 'BrokenError',
  );
}

test('a notification that cannot be sent is a reported failure, not a crash', async () => {
  const notifier = await store.listen(handlers);
  await notifier[Symbol.asyncDispose]();
  received = [];
  const silent = await openNotifier(
    new DatabaseAddress(database.url),
    (() => Promise.reject(new Error('unavailable'))) as never,
    handlers,
  );

  silent.notifyKill('c');
  await silent[Symbol.asyncDispose]();

  expect(received).toContain('failure');
  expect(received).not.toContain('c');
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

test('however often connecting failed, it listens once when the server is back', async () => {
  const { hostname: host, port } = new URL(database.url);
  await using proxy = await TcpProxy.start({ to: { host, port: Number(port) } });
  await using notifier = await openNotifier(new DatabaseAddress(through(database.url, proxy)), sql, handlers);
  received = [];

  proxy.refuse();
  await expect.poll(() => proxy.refused, { timeout: 20_000 }).toBeGreaterThan(4);
  expect(received).toEqual([]);
  proxy.heal();

  await expect.poll(() => received, { timeout: 10_000 }).toContain('ready');
  notifier.notifyKill('end');
  await expect.poll(() => received).toContain('end');
  expect(received).toEqual(['ready', 'end']);
});
