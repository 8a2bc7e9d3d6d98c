import { afterAll, expect, test } from 'vitest';
import { openStore } from '../../src/store/store.js';
import { openTestDatabase } from '../support/database.js';
import { submitInto } from '../support/stored-jobs.js';

const database = await openTestDatabase();
afterAll(() => database[Symbol.asyncDispose]());

// What a database or a role is set to holds for every new connection that does not say what it wants.
test.each([
  ['America/St_Johns', 'SQL, DMY'],
  ['Asia/Kathmandu', 'German'],
  ['Europe/Berlin', 'Postgres, MDY'],
  ['Pacific/Kiritimati', 'ISO, DMY'],
])('Q10: times are right in a database of the zone %s that writes them as %s', async (zone, style) => {
  const name = new URL(database.url).pathname.slice(1);
  await database.sql.unsafe(`alter database ${name} set timezone = '${zone}'`);
  await database.sql.unsafe(`alter database ${name} set datestyle = '${style}'`);
  await database.clear();
  await using store = await openStore(database.url, 'migrations');
  const before = Date.now();

  const { id } = await submitInto(store, 'running', { wrapLeftMs: 0 });

  const facts = await store.readJobFacts(id, { everyone: true });
  const found = await store.findJob(id, { everyone: true });
  const [event] = await store.readEvents(id);
  for (const time of [
    facts?.wrapExpiresAt,
    facts?.job.submittedAt,
    found?.job.submittedAt,
    found?.job.startedAt,
    event?.at,
  ])
    expect(Math.abs(Number(time) - before)).toBeLessThan(60_000);
});
