import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { isSignedBy } from '../../../src/job/audit/head.js';
import { sealEvents } from '../../../src/queue/audit/seal-events.js';
import { signHead } from '../../../src/queue/audit/sign-head.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const shownKey = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
const asked: string[] = [];
const raised: unknown[] = [];
beforeEach(() => {
  asked.length = 0;
  raised.length = 0;
});

async function sign(text: string) {
  asked.push(text);
  const signature = signBytes(null, Buffer.from(text), privateKey).toString('base64');
  return { key: 'k', keyVersion: 1, publicKey: shownKey, signature };
}

const parts = {
  store,
  node: 'node-1',
  sign,
  now: () => new Date(0),
  log: { info: () => undefined, error: () => undefined },
  alarms: { raise: (alarm: unknown) => void raised.push(alarm) },
};

async function addSealedEvent(): Promise<void> {
  await sql`insert into events (kind, actor) values ('one', 'test')`;
  await vi.waitUntil(async () => (await sealEvents(parts)) > 0, { timeout: 30_000 });
}

test('nothing is signed while nothing is sealed', async () => {
  await signHead(parts);

  expect([asked, await store.readLastHead()]).toEqual([[], undefined]);
});

test('A6: the end of the chain is signed once, and again when there is more', async () => {
  await addSealedEvent();
  await signHead(parts);
  await signHead(parts);
  await addSealedEvent();
  await signHead(parts);

  const head = await store.readLastHead();
  expect(asked).toHaveLength(2);
  expect(head).toMatchObject({ number: '2', takenAt: '1970-01-01T00:00:00.000Z' });
  expect(head && isSignedBy(shownKey, head)).toBe(true);
});

test('a head that another node has signed stays', async () => {
  const head = await store.readLastHead();

  await store.addHead({
    ...head,
    number: '2',
    installation: 'x',
    head: 'x',
    takenAt: 'x',
    key: 'other',
  } as never);

  expect(await store.readLastHead()).toEqual(head);
});

test('A6: a history that was changed since the last signature is told and not signed', async () => {
  await addSealedEvent();
  await sql.unsafe(`set session_replication_role = replica; update events set actor = 'bob' where seq = 3;
                    set session_replication_role = origin`);

  await signHead(parts);
  await signHead(parts);

  expect(asked).toEqual([]);
  expect(await sql`select actor, detail from events where kind = 'alarm'`).toEqual([
    { actor: 'node:node-1', detail: { code: 'history_changed', link: '3', seq: '3' } },
  ]);
  expect(raised.slice(1)).toEqual([
    {
      code: 'history_changed',
      message: 'the history was changed in the database. Event 3 was changed; it now says "one".',
    },
  ]);
  expect(await store.readLastHead()).toMatchObject({ number: '2' });
});

test.each(['update event_heads set key = key', 'delete from event_heads', 'truncate event_heads'])(
  'the database refuses: %s',
  async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toThrow('The table event_heads is append-only.');
  },
);
