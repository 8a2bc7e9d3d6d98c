import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sealEvents } from '../../../src/queue/audit/seal-events.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
const log = { info: () => undefined, error: () => undefined };
afterAll(() => database[Symbol.asyncDispose]());

async function write(kind: string): Promise<void> {
  await sql`insert into events (kind, actor) select ${kind}, 'test' from generate_series(1, 3)`;
}

const kinds = async () => (await sql`select distinct kind from events order by kind`).map(({ kind }) => kind);

async function ageAfterSealing(): Promise<number> {
  await sealEvents({ store, log });
  const end = await store.readChainEnd();
  return end === undefined ? -1 : await store.readUnsealedAge(end);
}

/** Another database of the server may have a transaction under way for a moment. */
async function sealAll(): Promise<void> {
  await vi.waitUntil(async () => (await ageAfterSealing()) === 0, { timeout: 30_000 });
}

const read = { path: 'kv/data/app', keys: ['a'], version: 1, leaseHash: undefined };
const question = { path: read.path, version: undefined, after: undefined, limit: 10 };

beforeAll(async () => {
  await write('old');
  await store.recordReads({ id: 'a'.repeat(24), fence: '1' }, 'node-1', [read]);
  await sealAll();
  await write('middle');
  await sealAll();
  await write('new');
});

test('nothing is forgotten that was not sealed before that time', async () => {
  const [row] = await sql`select forget_events(now() - interval '1 hour', 'ops') as deleted`;

  expect(row?.deleted).toBe('0');
  expect(await kinds()).toEqual(['middle', 'new', 'old', 'secrets_read']);
  expect(await store.listReads(question)).toHaveLength(1);
});

test('A6: whole links of the oldest events are forgotten, and the history says so', async () => {
  const [link] = await sql`
    select number, sealed_at::text as time from event_chain
    where seqs @> array(select seq from events where kind = 'middle')`;

  const [row] = await sql`select forget_events(${link?.time}::text::timestamptz, 'ops') as deleted`;

  expect(row?.deleted).toBe('4');
  expect(await store.listReads(question)).toEqual([]);
  expect(await sql`select from secret_reads`).toEqual([]);
  expect(await kinds()).toEqual(['events_forgotten', 'middle', 'new']);
  const [event] = await sql`select actor, detail from events where kind = 'events_forgotten'`;
  expect(event).toMatchObject({
    actor: 'ops',
    detail: { first_link: 1, last_link: Number(link?.number) - 1, events: 4 },
  });
  const links = await store.readLinks('0', 10);
  expect(links.filter(({ seqs }) => seqs !== null).map(({ seqs }) => seqs?.length)).toEqual([0, 3]);
});

test('events that are not sealed yet stay, whatever time is said', async () => {
  await sql`select forget_events('infinity', 'ops')`;

  expect(await kinds()).toEqual(['events_forgotten', 'new']);
});

test('afterwards nothing may be deleted again', async () => {
  await expect(sql`delete from events`).rejects.toThrow('The table events is append-only.');
  await expect(sql`update event_chain set seqs = null`).rejects.toThrow('append-only');
});
