// Creates the connection pools, with the driver options that make fail-over and time zones safe.
import { availableParallelism } from 'node:os';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import type { DatabaseAddress } from './address.js';
import { type ClientParts, RenewedClient } from './renewed.js';
import type { SocketTarget } from './sockets.js';

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

export function connect(address: DatabaseAddress): Connections {
  const sql = new RenewedClient(address, (parts, url) => {
    const client = newClient(url, { max: availableParallelism() * 2, ...parts });
    return { face: client, end: (options) => client.end(options) };
  });
  const reader = new RenewedClient(address, (parts, url) => {
    const client = newClient(url, { max: availableParallelism(), ...parts });
    return { face: drizzle(client), end: (options) => client.end(options) };
  });
  return {
    sql: sql.face,
    db: reader.face,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sql[Symbol.asyncDispose](), reader[Symbol.asyncDispose]()]);
    },
  };
}

export interface ClientOptions extends ClientParts {
  readonly max: number;
  readonly onNotification?: (channel: string, payload: string) => void;
}

/**
 * A client with column names in camel case and without notices. It fetches no array types: when a backend dies during that
 * query, the rejection is unhandled and ends the process. So arrays are sent as `arrayText`. It is to be replaced when it
 * loses a connection.
 */
export function newClient(url: string, { max, sockets, onLoss, onNotification }: ClientOptions): Sql {
  const untyped = {
    socket: (target: SocketTarget) => sockets.open(target),
    ...(onNotification !== undefined && { onnotify: onNotification }),
  };
  return postgres(url, {
    ...untyped,
    max,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null, // A connection that ends by its age would replace the client while others wait in it.
    fetch_types: false,
    target_session_attrs: 'primary', // A standby can be read, but its data may be old.
    ssl: false, // The sockets have it.
    backoff: () => 0, // The rest is in the sockets, since it outlives the client.
    transform: { column: { from: postgres.toCamel } },
    // Times are read as ISO, whatever the database or role is set to: the driver misreads every other style.
    connection: { application_name: 'stint', statement_timeout: 5_000, DateStyle: 'ISO' },
    onnotice: () => {},
    onclose: onLoss,
  });
}

/** The text of an array of numbers or ids, to be cast in the statement. Its values must need no quotes. */
export function arrayText(values: readonly (string | number)[]): string {
  return `{${values.join()}}`;
}
