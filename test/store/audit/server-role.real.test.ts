import { randomBytes } from 'node:crypto';
import connect from 'postgres';
import { afterAll, describe, expect, test } from 'vitest';
import { migrateDatabase } from '../../../src/store/postgres/migrate.js';
import { openStore, type Store } from '../../../src/store/store.js';
import { createEmptyDatabase, openTestDatabase } from '../../support/database.js';
import { asker, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { sql } = database;
/** A role belongs to the whole server, so each run has its own. */
const role = `stint_server_${randomBytes(6).toString('hex')}`;
const password = randomBytes(12).toString('hex');
await sql.unsafe(`create role ${role} login password '${password}'`);
await migrateDatabase(database.url, 'migrations', role);
const url = asServer(database.url);
const store: Store & AsyncDisposable = await openStore(url, 'migrations');
const server = connect(url, { max: 1, onnotice: () => undefined });

afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await server.end({ timeout: 1 });
  await sql.unsafe(`drop owned by ${role}`);
  await sql.unsafe(`drop role ${role}`);
  await database[Symbol.asyncDispose]();
});

function asServer(owner: string): string {
  const own = new URL(owner);
  own.username = role;
  own.password = password;
  return own.href;
}

describe('A6: a server whose role does not own the tables', () => {
  test('starts on a database that is up to date, and takes a job through its life', async () => {
    const { id } = await submitInto(store, 'succeeded');

    await store.deleteJob(id, asker);

    const events = await sql`select kind from events where job_id = ${id} order by seq`;
    expect(events.map(({ kind }) => kind)).toEqual([
      'submitted',
      'claimed',
      'unwrapping',
      'logged_in',
      'running',
      'succeeded',
      'deleted',
    ]);
  });

  test.each([
    'update events set kind = kind',
    'delete from events',
    'truncate events',
    'alter table events disable trigger all',
    'drop trigger events_are_append_only on events',
    'alter table events rename to other_events',
    'drop table events',
    "insert into events (kind, actor, tx) values ('made up', 'me', 1)",
    "insert into events (kind, actor, at) values ('made up', 'me', 'epoch')",
    "insert into events (kind, actor, seq) overriding system value values ('made up', 'me', 1)",
    'update event_chain set events = 0',
    'delete from event_chain',
    'update event_clock set ahead = 0',
    'select continue_after_restore(), forget_events(now(), current_user)',
    "select set_config('stint.forgetting', 'on', false), (select count(*) from forget_events(now(), 'me'))",
    'set session_replication_role = replica',
    'create or replace function refuse_change() returns trigger language plpgsql as $$ begin return null; end $$',
  ])('cannot change history: %s', async (statement) => {
    await expect(server.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('gets the tables of a later migration when that is made', async () => {
    await sql`create table of_a_later_version (id text)`;
    await migrateDatabase(database.url, 'migrations', role);

    await expect(server`select count(*) from of_a_later_version`).resolves.toHaveLength(1);
  });

  test('cannot delete events by setting what the retention sets', async () => {
    await server`set stint.forgetting = 'on'`;

    await expect(server`delete from events`).rejects.toMatchObject({ code: '42501' });
  });

  test('must be there before it gets the tables', async () => {
    await expect(migrateDatabase(database.url, 'migrations', 'nobody')).rejects.toThrow(
      'Could not give the tables to the role "nobody": there is none. Make it with CREATE ROLE first.',
    );
  });

  test('says what to do where the database is not up to date', async () => {
    await using empty = await createEmptyDatabase();

    await expect(openStore(asServer(empty.url), 'migrations')).rejects.toThrow(
      'Could not migrate the database: the role of STINT_DATABASE_URL may not change its tables. ' +
        'Run `npm run migrate` with the URL of their owner first.',
    );
  });
});
