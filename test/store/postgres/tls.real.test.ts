import { chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import plain from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OwnPostgres, startPostgres } from '../../../rig/postgres/postgres.js';
import { DatabaseAddress } from '../../../src/store/postgres/address.js';
import { connect } from '../../../src/store/postgres/connection.js';
import { guarded } from '../../../src/store/postgres/errors.js';
import { makeCertificate } from '../../support/certificate.js';

const certificate = makeCertificate();
let server: OwnPostgres;

beforeAll(async () => {
  const { own } = await startPostgres({ alwaysOwn: true });
  if (own === undefined) throw new Error('Expected a server of our own.');
  server = own;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  certificate.remove();
});

async function offerTls(on: boolean): Promise<void> {
  const { uid, gid } = statSync(server.socketFolder);
  const { certPath, keyPath } = certificate;
  for (const path of [dirname(keyPath), keyPath, certPath]) chownSync(path, uid, gid);
  const sql = plain(server.url, { max: 1 });
  await sql.unsafe(`alter system set ssl_cert_file = '${certPath}'`);
  await sql.unsafe(`alter system set ssl_key_file = '${keyPath}'`);
  await sql.unsafe(`alter system set ssl = ${on}`);
  await sql`select pg_reload_conf()`;
  await expect.poll(async () => (await sql`show ssl`)[0]?.ssl).toBe(on ? 'on' : 'off');
  await sql.end();
}

/** Whether the connection is encrypted, or the code of what is wrong. */
async function isEncrypted(mode: string): Promise<boolean | string> {
  await using pools = connect(new DatabaseAddress(`${server.url}?sslmode=${mode}`));
  const asked = guarded(() => pools.sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`);
  return await asked.then(
    ([row]) => row?.ssl,
    (error) => String(error.cause?.code),
  );
}

test.each([
  ['disable', false],
  ['prefer', true],
  ['require', true],
  ['verify-full', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
])('a server that offers TLS with an unknown certificate: sslmode=%s', async (mode, expected) => {
  await offerTls(true);

  expect(await isEncrypted(mode)).toBe(expected);
});

test.each([
  ['disable', false],
  ['prefer', false],
  ['require', 'TLS_NOT_OFFERED'],
])('a server without TLS: sslmode=%s', async (mode, expected) => {
  await offerTls(false);

  expect(await isEncrypted(mode)).toBe(expected);
});
