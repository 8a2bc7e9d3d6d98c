import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrateDatabase } from '../../../src/store/postgres/migrate.js';
import { openStore } from '../../../src/store/store.js';
import { createEmptyDatabase } from '../../support/database.js';

await (await createEmptyDatabase())[Symbol.asyncDispose](); // Starts the server outside of any time limit.
const known = (await readdir('migrations')).filter((file) => file.endsWith('.sql')).length;
let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let sql: Sql;

beforeEach(async () => {
  database = await createEmptyDatabase();
  sql = connect(database.url, { max: 1, onnotice: () => undefined });
});

afterEach(async () => {
  await sql.end({ timeout: 1 });
  await database[Symbol.asyncDispose]();
});

test('nodes that start at once wait for each other, and all of them can work', async () => {
  const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(database.url, 'migrations')));

  await Promise.all(stores.map((store) => store.ping()));
  expect(await sql`select count(*)::int as count from drizzle.__drizzle_migrations`).toEqual([
    { count: known },
  ]);
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
});

test('a second start changes nothing', async () => {
  await migrateDatabase(database.url, 'migrations');
  const before = await sql`select * from drizzle.__drizzle_migrations`;

  await migrateDatabase(database.url, 'migrations');

  expect(await sql`select * from drizzle.__drizzle_migrations`).toEqual(before);
});

test('a database that a newer stint has changed is refused', async () => {
  await migrateDatabase(database.url, 'migrations');
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 9999999999999)`;

  await expect(openStore(database.url, 'migrations')).rejects.toMatchObject({
    name: 'BrokenError',
    message: expect.stringContaining(`it has ${known + 1} migrations, this stint knows ${known}`),
  });
});

test('a migration that would be skipped silently is detected', async () => {
  await migrateDatabase(database.url, 'migrations');
  const folder = await mkdtemp(join(tmpdir(), 'stint-migrations-'));
  await cp('migrations', folder, { recursive: true });
  await addOlderMigration(folder);

  await expect(migrateDatabase(database.url, folder)).rejects.toThrow(`this stint knows ${known + 1}`);

  await rm(folder, { recursive: true });
});

async function addOlderMigration(folder: string): Promise<void> {
  const journalFile = join(folder, 'meta', '_journal.json');
  const journal = JSON.parse(await readFile(journalFile, 'utf8'));
  const older = { ...journal.entries[0], idx: known, when: journal.entries[0].when - 1, tag: '9999_older' };
  journal.entries.push(older);
  await writeFile(journalFile, JSON.stringify(journal));
  await writeFile(join(folder, '9999_older.sql'), 'create table older (id text);');
}

test('the lock is released, so that a later start does not hang', async () => {
  await migrateDatabase(database.url, 'migrations');

  await expect
    .poll(() => sql`select count(*)::int as count from pg_locks where locktype = 'advisory'`)
    .toEqual([{ count: 0 }]);
});

test('a server that cannot be reached or refuses us is named without its own words', async () => {
  const nobody = new URL(database.url);
  nobody.port = '1';
  const stranger = new URL(database.url);
  stranger.password = 'guessed-password';

  await expect(migrateDatabase(nobody.href, 'migrations')).rejects.toMatchObject({
    name: 'BrokenError',
    code: 'database_unavailable',
  });
  await expect(migrateDatabase(stranger.href, 'migrations')).rejects.toMatchObject({
    name: 'BrokenError',
    message: expect.not.stringContaining('guessed'),
  });
});
