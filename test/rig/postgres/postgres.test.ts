import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { afterEach, expect, test, vi } from 'vitest';
import { type OwnPostgres, type PostgresOptions, startPostgres } from '../../../rig/postgres/postgres.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function startOwn(options: PostgresOptions = {}): Promise<OwnPostgres> {
  const { own } = await startPostgres({ ...options, alwaysOwn: true });
  if (own === undefined) throw new Error('Expected a private server.');
  return own;
}

async function ask<T>(url: string, question: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(url, { max: 1, connect_timeout: 5 });
  try {
    return await question(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function readFsync(sql: Sql) {
  return await sql`select current_setting('fsync') as fsync`;
}

test.each(['installed', 'npm'] as const)(
  'the %s programs give a server that stint runs on',
  async (programs) => {
    await using server = await startOwn({ programs });

    const [row] = await ask(
      server.url,
      (sql) => sql`select current_setting('server_version_num')::int as version`,
    );

    expect(row?.version).toBeGreaterThanOrEqual(150_000);
  },
);

test('the port requires the password and the folders are closed to others', async () => {
  await using server = await startOwn();
  const url = new URL(server.url);
  url.password = 'guessed';

  await expect(ask(url.href, (sql) => sql`select 1`)).rejects.toThrow(/password authentication failed/);
  expect((await stat(server.socketFolder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(dirname(server.socketFolder), 'cluster'))).mode & 0o777).toBe(0o700);
});

test.each(['fast', 'immediate'] as const)('committed rows survive a restart in the %s mode', async (mode) => {
  await using server = await startOwn();
  await ask(server.url, (sql) => sql`create table notes as select 'kept' as note`);

  await server.restart(mode);

  expect(await ask(server.url, (sql) => sql`select note from notes`)).toEqual([{ note: 'kept' }]);
});

test.each(['installed', 'npm'] as const)(
  'a standby of the %s programs follows its primary, and writes once it is promoted',
  async (programs) => {
    await using primary = await startOwn({ programs });
    await using standby = await primary.startStandby();
    await ask(primary.url, (sql) => sql`create table notes as select 'kept' as note`);
    const read = () => ask(standby.url, (sql) => sql`select note from notes`);
    await vi.waitFor(async () => expect(await read()).toEqual([{ note: 'kept' }]), 10_000);

    await expect(ask(standby.url, (sql) => sql`delete from notes`)).rejects.toMatchObject({ code: '25006' });
    await primary.stop('immediate');
    await ask(standby.url, (sql) => sql`select pg_promote()`);
    await ask(standby.url, (sql) => sql`delete from notes`);

    expect(await read()).toEqual([]);
  },
);

test('a stopped server refuses connections, and a disposed one is removed', async () => {
  const server = await startOwn();

  await server.stop();
  await expect(ask(server.url, (sql) => sql`select 1`)).rejects.toThrow('ECONNREFUSED');
  await server[Symbol.asyncDispose]();

  await expect(access(dirname(server.socketFolder))).rejects.toThrow('ENOENT');
});

test('only a durable server waits for the disk', async () => {
  await using fast = await startOwn();
  await using durable = await startOwn({ durable: true, settings: { max_connections: '20' } });

  expect(await ask(fast.url, readFsync)).toEqual([{ fsync: 'off' }]);
  expect(await ask(durable.url, readFsync)).toEqual([{ fsync: 'on' }]);
});

test('the server of STINT_DATABASE_URL is used', async () => {
  vi.stubEnv('STINT_DATABASE_URL', 'postgres://somebody@db.invalid/stint');

  const server = await startPostgres();

  expect(server).toMatchObject({ url: 'postgres://somebody@db.invalid/stint', own: undefined });
});
