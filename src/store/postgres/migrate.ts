// Applies the migrations under a lock, and refuses a standby or a database of a newer stint.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import postgres from 'postgres';
import { BrokenError } from '../../job/errors.js';
import { codeOf, guarded } from './errors.js';

/** Migrations may take long, and so may waiting for those of another node. */
const longestMigrationMs = 3_600_000;
/** Any number will do, as long as every version of stint uses the same. */
const migrationLock = 7_841_650;
const insufficientPrivilege = '42501';

/**
 * Brings the database up to date. Nodes that start together wait for each other through an advisory lock. It belongs to one
 * connection, so it has its own client. Refuses a server in recovery, and a database that a newer stint has changed. The
 * tables are then given to `serverRole`, if there is one.
 */
export async function migrateDatabase(url: string, folder: string, serverRole?: string): Promise<void> {
  const options = { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {} };
  const lockClient = postgres(url, options);
  const migrationClient = postgres(url, options);
  try {
    await guarded(() => lockClient`select pg_advisory_lock(${migrationLock})`, longestMigrationMs);
    await guarded(() => refuseRecovery(lockClient));
    await guarded(() => applyMigrations(migrationClient, folder), longestMigrationMs);
    await guarded(() => compareWithFiles(lockClient, folder));
    await guarded(() => asOwner(() => lockClient`select continue_after_restore()`));
    if (serverRole !== undefined) await guarded(() => grantRights(lockClient, serverRole));
  } finally {
    await Promise.all([lockClient.end({ timeout: 1 }), migrationClient.end({ timeout: 1 })]);
  }
}

/**
 * Does what drizzle's own migrator does, and uses the same table, but without the driver's `begin`: when a backend dies
 * inside such a transaction, the process ends. Each file is sent as one text, which the server executes completely or not
 * at all. Where nothing is to be done nothing is asked that takes the rights of the tables' owner.
 */
async function applyMigrations(sql: postgres.Sql, folder: string): Promise<void> {
  const last = await readLast(sql);
  const pending = readMigrationFiles({ migrationsFolder: folder }).filter(
    ({ folderMillis }) => folderMillis > last,
  );
  if (pending.length === 0) return;
  await asOwner(() => makeJournal(sql));
  for (const { sql: statements, hash, folderMillis } of pending) {
    const record = `insert into drizzle.__drizzle_migrations (hash, created_at) values ('${hash}', ${folderMillis})`;
    await asOwner(() => sql.unsafe([...statements, record].join('\n;\n')));
  }
}

/** What only the owner of the tables may do. */
async function asOwner(work: () => PromiseLike<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw codeOf(error) === insufficientPrivilege ? notTheOwner(error) : error;
  }
}

/** Of the last migration that was made; -1 in an empty database. */
async function readLast(sql: postgres.Sql): Promise<number> {
  const [found] = await sql<{ there: boolean }[]>`
    select to_regclass('drizzle.__drizzle_migrations') is not null as there`;
  if (found?.there !== true) return -1;
  const [row] = await sql<{ last: string | null }[]>`
    select max(created_at) as last from drizzle.__drizzle_migrations`;
  return Number(row?.last ?? -1);
}

async function makeJournal(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create schema if not exists drizzle;
    create table if not exists drizzle.__drizzle_migrations (
      id serial primary key, hash text not null, created_at bigint
    )`);
}

function notTheOwner(cause: unknown): BrokenError {
  return new BrokenError(
    'internal',
    'Could not migrate the database: the role of STINT_DATABASE_URL may not change its tables. ' +
      'Run `npm run migrate` with the URL of their owner first.',
    { cause, retryable: false },
  );
}

/** Lets a role that owns no table work on them, but for the history: see `grant_server_rights` in `migrations/`. */
async function grantRights(sql: postgres.Sql, serverRole: string): Promise<void> {
  const [role] = await sql<
    { there: boolean }[]
  >`select to_regrole(quote_ident(${serverRole})) is not null as there`;
  if (role?.there !== true) throw noSuchRole(serverRole);
  await sql`select grant_server_rights(${serverRole})`;
}

function noSuchRole(role: string): BrokenError {
  const message = `Could not give the tables to the role "${role}": there is none. Make it with CREATE ROLE first.`;
  return new BrokenError('internal', message, { retryable: false });
}

async function refuseRecovery(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ recovering: boolean }[]>`select pg_is_in_recovery() as recovering`;
  if (rows[0]?.recovering === true) {
    throw new BrokenError(
      'database_unavailable',
      'Could not use this Postgres: it is a standby. Give the primary.',
    );
  }
}

/** Finds a file that was skipped because it is older than the last applied one; the loop above skips it silently. */
async function compareWithFiles(sql: postgres.Sql, folder: string): Promise<void> {
  const rows = await sql<{ createdAt: string }[]>`
    select created_at as "createdAt" from drizzle.__drizzle_migrations order by created_at`;
  const applied = rows.map((row) => Number(row.createdAt));
  const known = readJournal(folder);
  if (applied.join() === known.join()) return;
  throw new BrokenError(
    'internal',
    `Could not use this database: it has ${applied.length} migrations, this stint knows ${known.length}. ` +
      'Run the stint that made them, or restore a backup.',
    { retryable: false },
  );
}

function readJournal(folder: string): number[] {
  const text = readFileSync(join(folder, 'meta', '_journal.json'), 'utf8');
  const journal = JSON.parse(text) as { entries: { when: number }[] };
  return journal.entries.map((entry) => entry.when);
}
