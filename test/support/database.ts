import { randomBytes } from 'node:crypto';
import connect, { type Sql } from 'postgres';
import { openStore, type Store } from '../../src/store/store.js';
import { rigPart } from './rig-part.js';

/** A migrated database for one test file. Disposing drops it. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly store: Store;
  /** For what the store has no statement for: reading tables, and breaking things. */
  readonly sql: Sql;
  /** Empties the tables of jobs between tests. Events are append-only and stay. */
  clear(): Promise<void>;
}

/** Await it at the top of a `real` test file, and dispose it in `afterAll`. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const empty = await createEmptyDatabase();
  const store = await openStore(empty.url, 'migrations');
  const sql = connect(empty.url, { max: 2, onnotice: () => undefined });
  return {
    url: empty.url,
    store,
    sql,
    clear: async () => {
      await sql`truncate jobs, parents, queues, job_requests, job_output, job_input, job_pipes, request_parts,
        waiting_totals`;
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await sql.end({ timeout: 1 });
      await empty[Symbol.asyncDispose]();
    },
  };
}

/** A database without any table. */
export async function createEmptyDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = await rigPart('postgres');
  const name = `stint_test_${randomBytes(6).toString('hex')}`;
  await onServer(server.url, (sql) => sql`create database ${sql(name)}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => onServer(server.url, (sql) => sql`drop database ${sql(name)} with (force)`),
  };
}

async function onServer(url: string, statement: (sql: Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = connect(url, { max: 1, onnotice: () => undefined });
  try {
    await statement(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
