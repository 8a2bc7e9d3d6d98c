import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { sealEvents } from '../../../src/queue/audit/seal-events.js';
import { type KnownHead, verifyChain } from '../../../src/queue/audit/verify.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
const log = { info: () => undefined, error: () => undefined };
let exported: KnownHead;

/** Four links of three events each, of four jobs; `last` is behind them. Numbers are those of the events: 1 to 12. */
beforeAll(async () => {
  for (const job of ['a', 'b', 'c', 'd']) {
    await sql`
      insert into events (job_id, queue, node, kind, actor, detail)
      select ${job.repeat(24)}::text, 'q', 'n', 'kind', 'ann', jsonb_build_object('n', n, 'job', ${job}::text)
      from generate_series(1, 3) as n`;
    await vi.waitUntil(async () => (await sealed()) === 1, { timeout: 30_000 });
  }
  const end = await store.readChainEnd();
  const [first] = await store.readLinks('0', 1);
  if (end === undefined || first === undefined) throw new Error('Expected a chain, got none.');
  exported = { number: end.number, head: end.head, installation: first.head };
  await sql`create table good_events as table events`;
  await sql`create table good_chain as table event_chain`;
});
afterAll(() => database[Symbol.asyncDispose]());

async function sealed(): Promise<number> {
  const before = Number((await store.readChainEnd())?.number);
  await sealEvents({ store, log });
  return Number((await store.readChainEnd())?.number) - before;
}

/** Transactions of other test files on this server may hold back what is newest. */
async function sealedAll(): Promise<boolean> {
  await sealed();
  return (await verify()).unsealed === 0;
}

/** The database's owner does as he pleases. */
beforeEach(async () => {
  await tamper('delete from events');
  await tamper('insert into events overriding system value select * from good_events');
  await tamper('delete from event_chain');
  await tamper('insert into event_chain select * from good_chain');
});

async function tamper(statement: string): Promise<void> {
  await sql.unsafe(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin`,
  );
}

const verify = (heads: KnownHead[] = []) => verifyChain(store, { heads });

test('A6: a history that nobody touched holds, also against its exported head', async () => {
  expect(await verify([exported])).toMatchObject({
    events: 12,
    forgottenLinks: 0,
    unsealed: 0,
    problem: undefined,
  });
});

describe('A6: verify names the first bad record', () => {
  test.each([
    ['its time', "update events set at = at + interval '1 microsecond' where seq = 5"],
    ['its job', "update events set job_id = 'e' where seq = 5"],
    ['no job', 'update events set job_id = null where seq = 5'],
    ['its queue', "update events set queue = 'other' where seq = 5"],
    ['its node', 'update events set node = null where seq = 5'],
    ['its kind', "update events set kind = 'other' where seq = 5"],
    ['its actor', "update events set actor = 'bob' where seq = 5"],
    ['its detail', `update events set detail = '{"n": 3}' where seq = 5`],
    ['its transaction, within the link', 'update events set tx = tx + 1 where seq >= 4 and seq <= 6'],
  ])('where somebody changed %s', async (_, statement) => {
    await tamper(statement);
    await tamper("update events set kind = 'also' where seq = 8");

    expect((await verify()).problem).toMatchObject({
      link: '2',
      seq: statement.includes('tx =') ? '4' : '5',
    });
  });

  test.each([
    ['in the middle', 5, '2'],
    ['at the start', 1, '1'],
    ['at the end', 12, '4'],
  ])('where one was deleted %s', async (_, seq, link) => {
    await tamper(`delete from events where seq = ${seq}`);

    expect((await verify()).problem).toEqual({
      link,
      seq: String(seq),
      text: `Event ${seq} is missing: it was deleted, or moved to another place.`,
    });
  });
});

describe('A6: verify names the first bad record as well', () => {
  test('where two were exchanged', async () => {
    await tamper(`
      delete from events where seq in (5, 9);
      insert into events overriding system value
      select 14 - seq, at, job_id, kind, actor, detail, queue, node, tx from good_events where seq in (5, 9)`);

    expect((await verify()).problem).toMatchObject({ link: '2', seq: '5' });
  });

  test('where two exchanged what they say', async () => {
    await tamper(
      'update events as a set detail = b.detail, job_id = b.job_id from good_events as b where (a.seq, b.seq) in ((5, 9), (9, 5))',
    );

    expect((await verify()).problem).toMatchObject({ link: '2', seq: '5' });
  });

  test.each([
    ['in the middle', 'select tx from events where seq = 5', '2'],
    ['before all others', 'select -7', '1'],
  ])('where one was added %s', async (_, tx, link) => {
    await tamper(
      `insert into events (seq, tx, kind, actor) overriding system value values (-99, (${tx}), 'made up', 'bob')`,
    );

    expect((await verify()).problem).toEqual({
      link,
      seq: '-99',
      text: 'Event -99 is not in the chain: it was added later, or moved here.',
    });
  });

  test('where one was moved to a later link', async () => {
    await tamper('update events set tx = (select tx from events where seq = 9) where seq = 5');

    expect((await verify()).problem).toMatchObject({ link: '2', seq: '5' });
  });

  test.each([
    ['update event_chain set events = 2 where number = 2', '2'],
    ['update event_chain set last_seq = 5 where number = 2', '2'],
    ['update event_chain set last_tx = last_tx + 1 where number = 2', '2'],
    [`update event_chain set seqs = '{4,6}' where number = 2`, '2'],
    [`update event_chain set digests = sha256('a') || sha256('a') || sha256('a') where number = 2`, '2'],
    [`update event_chain set list_hash = sha256('a') where number = 2`, '2'],
    [`update event_chain set head = sha256('a') where number = 2`, '2'],
    [`update event_chain set seqs = null, digests = null, list_hash = sha256('a') where number = 2`, '2'],
    ['delete from event_chain where number = 2', '2'],
    ['delete from event_chain where number = 0', '0'],
    ['delete from event_chain', '0'],
  ])('where a link itself is wrong: %s', async (statement, link) => {
    await tamper(statement);

    expect((await verify()).problem).toMatchObject({ link, seq: undefined });
  });
});

describe('A6: against an exported head', () => {
  test.each([
    ['of the chain', 'delete from event_chain where number >= 3'],
    [
      'of the chain and the events',
      'delete from event_chain where number >= 3; delete from events where seq >= 7',
    ],
  ])('a cut end is found %s', async (_, statement) => {
    await tamper(statement);

    expect((await verify()).problem).toBeUndefined();
    expect((await verify([exported])).problem).toEqual({
      link: '3',
      seq: undefined,
      text: 'Link 3 is missing: the exported head is that of link 4, so the end was cut off.',
    });
  });

  test.each([
    ['from the middle on', 'delete from event_chain where number >= 3', '4'],
    [
      'from its beginning, with another first link',
      `
      delete from event_chain; insert into event_chain (number, last_tx, last_seq, events, seqs, digests, list_hash, head)
      values (0, 0, 0, 0, '{}', '', sha256(''), sha256('mine'))`,
      '0',
    ],
    ['from its beginning', 'delete from event_chain where number > 0', '4'],
  ])('a chain that was made anew is found: %s', async (_, statement, link) => {
    await tamper(`${statement}; delete from events where seq = 8`);
    await vi.waitUntil(sealedAll, { timeout: 30_000 });
    // Until it is as long as before.
    while (Number((await store.readChainEnd())?.number) < 4) {
      await sql`insert into events (kind, actor) values ('more', 'bob')`;
      await vi.waitUntil(async () => (await sealed()) === 1, { timeout: 30_000 });
    }

    expect((await verify()).problem).toBeUndefined();
    expect((await verify([exported])).problem).toMatchObject({ link, seq: undefined });
  });

  test('the chain may be longer, and its first events forgotten', async () => {
    await sql`insert into events (kind, actor) values ('more', 'ann')`;
    await sql`select forget_events((select sealed_at from event_chain where number = 3), 'ann')`;
    await vi.waitUntil(sealedAll, { timeout: 30_000 });
    await sql`insert into events (kind, actor) values ('not sealed yet', 'ann')`;

    expect(await verify([exported])).toMatchObject({ forgottenLinks: 2, unsealed: 1, problem: undefined });
  });
});

test('A6: from a trusted link on only what comes behind it is read', async () => {
  const [link] = await store.readLinks('2', 1);
  if (link === undefined) throw new Error('Expected a link.');
  await tamper("update events set kind = 'other' where seq in (2, 8)");

  expect((await verifyChain(store, { from: link })).problem).toMatchObject({ link: '3', seq: '8' });
});
