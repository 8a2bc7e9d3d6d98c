import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { DatabaseAddress } from '../../../src/store/postgres/address.js';
import { connect } from '../../../src/store/postgres/connection.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
afterAll(() => database[Symbol.asyncDispose]());

const wholePool = 2 * availableParallelism();

/** A way to the database whose connections can be reset. */
async function openWay() {
  const { hostname: host, port } = new URL(database.url);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connectTcp({ host, port: Number(port) });
    open.add(near);
    for (const end of [near, far]) {
      end.on('error', () => undefined);
      end.once('close', () => {
        open.delete(near);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = new URL(database.url);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    reset: () => void [...open].map((socket) => socket.resetAndDestroy()),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function terminate(): Promise<void> {
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'stint'`;
}

/** Asks for its own number again and again, without a pause, and notes every answer that is not it. */
async function ask(sql: ReturnType<typeof connect>['sql'], signal: AbortSignal, wrong: unknown[]) {
  for (let number = 0; !signal.aborted; number++) {
    const late = new Promise<'no answer'>((resolve) => setTimeout(resolve, 8_000, 'no answer').unref());
    const answer = await Promise.race([sql`select ${number}::int as number`.catch(() => 'refused'), late]);
    if (answer !== 'refused' && JSON.stringify(answer) !== JSON.stringify([{ number }])) wrong.push(answer);
    if (number % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function usedSlots(): Promise<number> {
  const rows = await database.sql<{ n: number }[]>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and application_name = 'stint' and state = 'active' and query like '%pg_sleep%'`;
  return rows[0]?.n ?? 0;
}

test.each([
  ['reset by the network', 'reset'],
  ['ended by the server', 'terminate'],
] as const)(
  'connections that are %s, again and again: no statement gets the answer of another, none is forgotten, no slot is lost',
  { timeout: 120_000 },
  async (_, how) => {
    await using way = await openWay();
    await using pools = connect(new DatabaseAddress(way.url));
    const { sql } = pools;
    const end = new AbortController();
    const wrong: unknown[] = [];
    const clients = Array.from({ length: 40 }, () => ask(sql, end.signal, wrong));

    for (let round = 0; round < 12; round++) {
      await expect.poll(() => sql`select 1`.then((rows) => rows.length, String), { timeout: 10_000 }).toBe(1);
      await (how === 'reset' ? way.reset() : terminate());
    }
    end.abort();
    await Promise.all(clients);

    expect(wrong).toEqual([]);
    await expect.poll(() => sql`select 1`.then((rows) => rows.length, String)).toBe(1);
    const sleeping = Promise.all(Array.from({ length: 3 * wholePool }, () => sql`select pg_sleep(2)`));
    await expect.poll(usedSlots, { timeout: 5_000 }).toBe(wholePool);
    await sleeping;
  },
);
