import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNewEvents } from '../../../src/store/streams/events.js';
import { openTestDatabase } from '../../support/database.js';
import { pagesOf } from '../../support/pages.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

/** Many ended jobs of two doors, each with some events. */
beforeAll(async () => {
  await database.clear();
  await sql`
    insert into jobs (id, queue, state, turn, door, owner_key, owner_name, finished_at, exit_code, noted)
    select lpad(to_hex(n), 24, '0'), null, 'succeeded', false, case when n % 2 = 0 then 'gaffer' else 'lopco' end,
           'entity:ann', 'Ann', now(), 0, true
    from generate_series(1, 60000) as n`;
  await sql`
    insert into events (job_id, kind, actor)
    select lpad(to_hex(1 + n / 4), 24, '0'), 'kind ' || n % 4, 'entity:ann' from generate_series(0, 239999) as n`;
  await sql`vacuum analyze jobs`;
});

test('events come in order, those of other doors only as numbers, and what is known not at all', async () => {
  const last = await store.readLastEvent();
  const place = { after: last - 8, known: [last - 1], limit: 6 };

  const { events, seqs } = await store.readNewEvents('gaffer', place);

  expect(seqs).toEqual([last - 7, last - 6, last - 5, last - 4, last - 3, last - 2]);
  expect(events.map(({ seq, kind, jobId }) => `${seq} ${kind} ${jobId}`)).toEqual([
    `${last - 3} kind 0 ${(60_000).toString(16).padStart(24, '0')}`,
    `${last - 2} kind 1 ${(60_000).toString(16).padStart(24, '0')}`,
  ]);
});

test.each(['events without statistics', 'analyzed events'])(
  'the new events are found by their numbers, whatever else is stored: %s',
  async (which) => {
    if (which === 'analyzed events') await sql`vacuum analyze events`;
    const last = await store.readLastEvent();
    const known = Array.from({ length: 3_000 }, (_, at) => last - at - 10);

    const pages = await pagesOf(sql, (sender) =>
      readNewEvents(sender, 'gaffer', { after: last - 3_100, known, limit: 1_000 }),
    );

    expect(pages).toBeLessThan(1_000);
  },
);
