// Creates the connection pools, with the driver options that make fail-over and time zones safe.
import { availableParallelism } from 'node:os';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { reportConnectionLoss } from './connection-loss.js';

export type Sql = postgres.Sql<Record<string, never>>;

/**
 * Two pools, because drizzle rewrites the parsers of the client it is given: `sql` is for statements written as SQL, `db` for
 * reading through drizzle. No statement opens a transaction: postgres.js 3.4.9 ends the process when a backend dies inside
 * `begin`.
 */
export interface Connections extends AsyncDisposable {
  readonly sql: Sql;
  readonly db: PostgresJsDatabase;
}

export function connect(url: string): Connections {
  const sql = newClient(url, { max: availableParallelism() * 2 });
  const reader = newClient(url, { max: availableParallelism() });
  return {
    sql,
    db: drizzle(reader),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sql.end({ timeout: 5 }), reader.end({ timeout: 5 })]);
    },
  };
}

/** Longest pause before the driver connects again. Its own backoff grows to 20 s, and a standby counts as a failure too. */
const longestBackoffSeconds = 1;

/**
 * A client with column names in camel case and without notices. It fetches no array types: when a backend dies during that
 * query, the rejection is unhandled and ends the process. So arrays are sent as `arrayText`.
 */
export function newClient(url: string, options: { max: number }): Sql {
  return postgres(url, {
    max: options.max,
    connect_timeout: 5,
    idle_timeout: 0,
    fetch_types: false,
    target_session_attrs: 'primary', // A standby can be read, but its data may be old.
    backoff: (failures: number) => Math.min(longestBackoffSeconds, 2 ** failures / 20),
    transform: { column: { from: postgres.toCamel } },
    // Times are read as ISO, whatever the database or role is set to: the driver misreads every other style.
    connection: { application_name: 'stint', statement_timeout: 5_000, DateStyle: 'ISO' },
    onnotice: () => {},
    onclose: reportConnectionLoss,
  });
}

/** The text of an array of numbers or ids, to be cast in the statement. Its values must need no quotes. */
export function arrayText(values: readonly (string | number)[]): string {
  return `{${values.join()}}`;
}
