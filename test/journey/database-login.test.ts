import connect, { type Sql } from 'postgres';
import { afterEach, expect, test } from 'vitest';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const [vault, server] = await Promise.all([rigPart('preparedVault'), rigPart('postgres')]);
const operator = new VaultOperator(vault);
const cleanUps: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const poll = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 60_000 });

/** A database with an owner who cannot log in, and a mount of Vault that makes logins which act as that owner. */
async function prepare(ttl: string) {
  const database = await createEmptyDatabase();
  const sql = connect(database.url, { max: 1, onnotice: () => undefined });
  cleanUps.push(() => database[Symbol.asyncDispose]());
  const [mount, owner] = [uniqueName(), uniqueName().replace('-', '_')];
  const name = new URL(database.url).pathname.slice(1);
  await sql.unsafe(`create role ${owner} nologin; alter database ${name} owner to ${owner}`);
  cleanUps.push(() => dropOwner(sql, owner));
  await operator.write(`sys/mounts/${mount}`, { type: 'database' });
  cleanUps.push(() => operator.ask('DELETE', `sys/mounts/${mount}`));
  const { username, password, host } = new URL(server.url);
  await operator.write(`${mount}/config/postgres`, {
    plugin_name: 'postgresql-database-plugin',
    allowed_roles: 'stint',
    connection_url: `postgresql://{{username}}:{{password}}@${host}/${name}?sslmode=disable`,
    username,
    password: decodeURIComponent(password),
  });
  await operator.write(`${mount}/roles/stint`, {
    db_name: 'postgres',
    creation_statements: [
      `create role "{{name}}" login password '{{password}}' valid until '{{expiration}}' in role ${owner}; alter role "{{name}}" set role = '${owner}'`,
    ],
    default_ttl: ttl,
    max_ttl: ttl,
  });
  return { sql, mount, owner, url: `postgres://${host}/${name}` };
}

async function dropOwner(sql: Sql, owner: string): Promise<void> {
  await sql.unsafe(
    `drop owned by ${owner} cascade; reassign owned by ${owner} to current_user; drop role ${owner}`,
  );
  await sql.end({ timeout: 1 });
}

/** Logins at Postgres that act as the owner. */
async function logins(sql: Sql, owner: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select member.rolname as name from pg_auth_members m
    join pg_roles member on member.oid = m.member join pg_roles owner on owner.oid = m.roleid
    where owner.rolname = ${owner} and member.rolcanlogin order by 1`;
  return rows.map(({ name }) => name);
}

async function connected(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct usename as name from pg_stat_activity
    where datname = current_database() and application_name = 'stint' order by 1`;
  return rows.map(({ name }) => name);
}

async function start({ mount, url }: { mount: string; url: string }): Promise<StintOnRig> {
  const policy = uniqueName();
  await operator.write(`sys/policies/acl/${policy}`, {
    policy: `path "${mount}/creds/stint" { capabilities = ["read"] }`,
  });
  const role = await operator.makeRole({ token_policies: [roleNames.server, policy], token_ttl: '20m' });
  return await startStintOnRig({
    STINT_DATABASE_URL: url,
    STINT_DATABASE_CREDENTIALS: `${mount}/creds/stint`,
    STINT_SERVER_ROLE_ID: role.roleId,
    STINT_SERVER_SECRET_ID: await operator.makeSecretId(role.name),
  });
}

test('a login from Vault is changed before it ends, no request or job notices, and the last one is given back', {
  timeout: 180_000,
}, async () => {
  const ground = await prepare('12s');
  const { sql, owner } = ground;
  const on = await start(ground);
  const lines = Array.from({ length: 50 }, (_, at) => `${at}\n`).join('');
  const id = await on.client.submit({
    qname: uniqueName(),
    container_image: image,
    run: ['sh', '-c', 'i=0; while [ $i -lt 50 ]; do echo $i; i=$((i + 1)); sleep 0.5; done'],
  });
  const seen = new Set<string>();
  const refused: unknown[] = [];
  const asking = new AbortController();
  const asks = ask(on, id, { refused, signal: asking.signal });
  await poll(async () => {
    for (const name of await connected(sql)) seen.add(name);
    return seen.size;
  }).toBeGreaterThanOrEqual(3);
  const job = await on.client.wait(id, 60_000);
  asking.abort();
  const answered = await asks;
  await on[Symbol.asyncDispose]();

  expect(job).toMatchObject({ status: 'success', output: lines });
  expect(refused).toEqual([]);
  expect(answered).toBeGreaterThan(20);
  await poll(() => logins(sql, owner)).toEqual([]);
});

/** Asks for the job again and again; resolves to how often it was answered. */
async function ask(
  on: StintOnRig,
  id: string,
  { refused, signal }: { refused: unknown[]; signal: AbortSignal },
) {
  let answered = 0;
  for (; !signal.aborted; answered++) {
    await on.client.get(id).catch((error: unknown) => refused.push(error));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return answered;
}

test('where an operator ended the login, another one is taken at once', { timeout: 120_000 }, async () => {
  const ground = await prepare('1h');
  const { sql, mount, owner } = ground;
  await using on = await start(ground);
  const [before] = await logins(sql, owner);

  await operator.write(`sys/leases/revoke-prefix/${mount}/creds/stint`, {});
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'stint'`;

  await poll(() =>
    on.run({ qname: uniqueName(), container_image: image, run: ['true'] }).catch(() => undefined),
  ).toMatchObject({
    status: 'success',
  });
  expect(await logins(sql, owner)).not.toContain(before);
  expect(on.log()).not.toContain('password');
});

test('without a right to read logins a start says so', async () => {
  const ground = await prepare('1h');
  const starting = start({ ...ground, mount: 'nonesuch' });

  await expect(starting).rejects.toThrow(/Could not get a login at Postgres/);
});
