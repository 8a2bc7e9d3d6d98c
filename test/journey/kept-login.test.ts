import { expect, test } from 'vitest';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { rigPart } from '../support/rig-part.js';
import { GafferClient } from './gaffer-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const operator = new VaultOperator(await rigPart('preparedVault'));
const { url: postgres } = await rigPart('postgres');

/** Short beside the pause between two processes. */
const ttl = '6s';
const pauseMs = 15_000;

/** A role of Vault's database engine: each read makes a user of Postgres, which is removed when its lease ends. */
async function makeDatabaseRole(): Promise<{ path: string; policy: string }> {
  const mount = uniqueName();
  await operator.write(`sys/mounts/${mount}`, { type: 'database' });
  await operator.write(`${mount}/config/rig`, {
    plugin_name: 'postgresql-database-plugin',
    connection_url: postgres,
    allowed_roles: ['app'],
  });
  await operator.write(`${mount}/roles/app`, {
    db_name: 'rig',
    creation_statements: [
      `create role "{{name}}" login password '{{password}}' valid until '{{expiration}}'`,
    ],
    default_ttl: ttl,
    max_ttl: '1h',
  });
  const path = `${mount}/creds/app`;
  await operator.write(`sys/policies/acl/${mount}`, {
    policy: `path "${path}" { capabilities = ["read"] }`,
  });
  return { path, policy: mount };
}

async function leasesBelow(path: string): Promise<unknown> {
  const { status, body } = await operator.ask('LIST', `sys/leases/lookup/${path}`);
  return status === 200 ? body.data.keys : [];
}

async function pass(ms: number): Promise<void> {
  const from = performance.now();
  await expect.poll(() => performance.now() - from, { timeout: ms + 10_000 }).toBeGreaterThan(ms);
}

test('token and leased secrets of a service that rests are valid when it starts again, and are gone when it is unloaded', async () => {
  const { path, policy } = await makeDatabaseRole();
  const role = await operator.makeRole({
    token_policies: [roleNames.job, policy],
    token_ttl: ttl,
    token_max_ttl: '1h',
  });
  await using on = await startStintOnRig({
    STINT_GAFFER_IMAGE: image,
    STINT_APPROLE_NAME: role.name,
    STINT_APPROLE_ID: role.roleId,
  });
  const gaffer = new GafferClient(on.stint.url, await on.client.minimalToken());
  const other = await operator.writeSecret('kv/data', { word: 'correct-horse-battery' });
  const run = `sh -c 'grep -c ^OTHER /secrets.yml; exec sleep 300'`;
  const config = {
    name: 'web',
    cmd: run,
    graceful_timeout: 1,
    wrap_secret_id: await operator.wrapSecretId(role.name),
  };
  await gaffer.load('rest', { ...config, secret_refs: [`USER@${path}.username`] });
  const outputOf = async () => {
    const [pid] = await gaffer.pids('rest.web');
    return pid === undefined ? '' : (await on.client.get((await gaffer.ask('GET', `/${pid}`)).jobId)).output;
  };
  await expect.poll(outputOf, { timeout: 30_000 }).toBe('0\n');
  const leases = await leasesBelow(path);
  expect(leases).toHaveLength(1);

  await gaffer.state('rest.web', 0);
  await expect.poll(() => gaffer.pids('rest.web'), { timeout: 30_000 }).toEqual([]);
  await pass(pauseMs);
  expect(await leasesBelow(path)).toEqual(leases);

  // What is new in its configuration is read with the token of the only login.
  const refs = [`USER@${path}.username`, `OTHER@${other}.word`];
  await gaffer.ask('PUT', '/jobs/rest/web', { cmd: run, graceful_timeout: 1, secret_refs: refs });
  await gaffer.state('rest.web', 1);
  await expect.poll(outputOf, { timeout: 30_000 }).toBe('1\n');
  expect(await leasesBelow(path)).toEqual(leases);

  await gaffer.unload('rest.web');
  await expect.poll(() => leasesBelow(path), { timeout: 30_000 }).toEqual([]);
});
