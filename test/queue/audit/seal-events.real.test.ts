import connect, { type Sql } from 'postgres';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { digestOf, headOf, listHashOf } from '../../../src/job/audit/chain.js';
import { linkSize, sealEvents } from '../../../src/queue/audit/seal-events.js';
import { migrateDatabase } from '../../../src/store/postgres/migrate.js';
import { openTestDatabase } from '../../support/database.js';
import { submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
const other = connect(database.url, { max: 8, onnotice: () => undefined });
const log = { info: () => undefined, error: () => undefined };
const seal = () => sealEvents({ store, log });
afterAll(async () => {
  await other.end({ timeout: 1 });
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.clear();
  await sealAll();
});

async function leftUnsealed(): Promise<number> {
  await seal();
  return (await unsealed()).length;
}

/** Another database of the server may have a transaction under way for a moment. */
async function sealAll(): Promise<void> {
  await expect.poll(leftUnsealed, { timeout: 30_000 }).toBe(0);
}

async function unsealed() {
  return await sql<{ seq: string }[]>`
    select seq from events where seq <> all (select unnest(seqs) from event_chain)`;
}

const insert = (on: Sql, kind: string) => on`insert into events (kind, actor) values (${kind}, 'test')`;

/** What is stored holds together, and every event is in it once. */
async function expectUnbroken(): Promise<void> {
  const links = await store.readLinks('0', 10_000);
  for (const [index, link] of links.entries()) {
    const before = links[index - 1];
    if (before === undefined) continue;
    const events = await store.readEventsBetween(before, link, linkSize + 1);
    expect(events.map(({ seq }) => seq)).toEqual(link.seqs);
    expect(Buffer.concat(events.map(digestOf)).equals(link.digests ?? Buffer.of())).toBe(true);
    expect(listHashOf(link.seqs ?? [], link.digests ?? Buffer.of()).equals(link.listHash)).toBe(true);
    expect(headOf(before.head, link).equals(link.head)).toBe(true);
  }
  const sealed = links.flatMap(({ seqs }) => seqs ?? []);
  expect(new Set(sealed).size).toBe(sealed.length);
}

test('A6: the events of a job are sealed in their order', async () => {
  const { id } = await submitInto(store, 'succeeded');

  await sealAll();

  const links = await store.readLinks('0', 100);
  const events = await sql<{ seq: string }[]>`select seq from events where job_id = ${id} order by seq`;
  expect(links.flatMap(({ seqs }) => seqs ?? [])).toEqual(
    expect.arrayContaining(events.map(({ seq }) => seq)),
  );
  await expectUnbroken();
});

test('A6: an event whose transaction is under way holds back all that came later, and is not skipped', async () => {
  const open = await other.reserve();
  await open`begin`;
  await insert(open, 'early');
  await insert(sql, 'late');

  expect(await seal()).toBe(0);

  await open`commit`;
  open.release();
  await sealAll();
  const order = await sql`
    select kind from event_chain, unnest(seqs) with ordinality as sealed (seq, place) join events using (seq)
    where kind in ('early', 'late') order by number, place`;
  expect(order.map(({ kind }) => kind)).toEqual(['early', 'late']);
});

test('an event that was rolled back leaves a gap in the numbers, and nothing waits for it', async () => {
  const open = await other.reserve();
  await open`begin`;
  await insert(open, 'never');
  await insert(sql, 'next');
  await open`rollback`;
  open.release();

  await sealAll();

  const sealed = await sql`select kind from events where kind in ('never', 'next')`;
  expect(sealed.map(({ kind }) => kind)).toEqual(['next']);
  await expectUnbroken();
});

test('A6: writers and sealers at once make one unbroken chain', async () => {
  const before = (await store.readChainEnd())?.number ?? '0';
  const written = new AbortController();
  const sealers = Array.from({ length: 4 }, async () => {
    while (!written.signal.aborted) await seal();
  });
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let index = 0; index < 60; index++) {
      // Several events in one transaction, some of them rolled back.
      await other
        .begin(async (transaction) => {
          await insert(transaction as unknown as Sql, `w${writer}`);
          await insert(transaction as unknown as Sql, `w${writer}`);
          if (index % 5 === 0) throw new Error('rolled back');
        })
        .catch(() => undefined);
    }
  });
  await Promise.all(writers);
  written.abort();
  await Promise.all(sealers);
  await sealAll();

  expect(Number((await store.readChainEnd())?.number)).toBeGreaterThan(Number(before) + 1);
  await expectUnbroken();
});

test('A6: a link that was made for an end which is no longer the end is not added', async () => {
  await insert(sql, 'one');
  const end = await store.readChainEnd();
  await sealAll();

  expect(
    end &&
      (await store.appendLink(end, { ...end, events: 0, seqs: [], digests: null, listHash: Buffer.of() })),
  ).toBe(false);
});

test('more events than a link holds make several links', async () => {
  await sql`insert into events (kind, actor) select 'many', 'test' from generate_series(1, ${linkSize * 2 + 1}::integer)`;

  await sealAll();

  const sizes = await sql<{ events: number }[]>`select events from event_chain order by number desc limit 3`;
  expect(sizes.map(({ events }) => events)).toEqual([1, linkSize, linkSize]);
  await expectUnbroken();
});

test('a history that waits too long for a transaction of somebody else is told', async () => {
  const told: string[] = [];
  const old = { ...store, readUnsealed: async () => [], readUnsealedAge: async () => 700_000 };

  await sealEvents({ store: old, log: { ...log, error: (message) => told.push(message) } });

  expect(told).toEqual([
    'the history waits to be sealed: a transaction is open in this Postgres server, see pg_stat_activity',
  ]);
});

test.each(['update event_chain set events = 0', 'delete from event_chain', 'truncate event_chain'])(
  'the database refuses: %s',
  async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toThrow('The table event_chain is append-only.');
  },
);

test('A6: a database that was restored into another server goes on behind its own history', async () => {
  await sql`insert into events (kind, actor, tx) values ('of the old server', 'test', 1000000000000)`;
  await migrateDatabase(database.url, 'migrations');
  await insert(sql, 'of the new server');

  await sealAll();

  await expectUnbroken();
  expect((await store.readChainEnd())?.lastTx).toMatch(/^10000000\d{5}$/);
});
