import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import connect, { type Sql } from 'postgres';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/docker.js';
import { ensureImage } from '../../rig/image.js';
import { type StintServer, startStintServer } from '../../rig/stint.js';
import { settingsFor } from '../../rig/stint-settings.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';
import { holding } from './holding.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

// Q10: nodes whose clocks are an hour wrong, or jump by one. Postgres, Vault and the engine have the right time.

const image = 'busybox:latest';
const [engine, vault] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);
const operator = new VaultOperator(vault);
const hourMs = 3_600_000;
const nodes = {
  ahead: '00000000-0000-4000-8000-00000000000a',
  behind: '00000000-0000-4000-8000-00000000000b',
};
type NodeName = keyof typeof nodes;
const preload = new URL('wrong-clock.mjs', import.meta.url).href;

let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let sql: Sql;
let sealKey: string;
let directory: string;
let servers: StintServer[];

beforeEach(async () => {
  database = await createEmptyDatabase();
  sql = connect(database.url, { max: 1, onnotice: () => undefined });
  sealKey = randomBytes(32).toString('base64');
  directory = await mkdtemp(join(tmpdir(), 'stint-clocks-'));
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  await sql.end({ timeout: 1 });
  await database[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** A server with a name and a clock of its own. */
async function start(name: NodeName, offsetMs: number, slots = 4): Promise<GostintClient> {
  const { setup, address } = vault;
  await setClock(name, offsetMs);
  const env = {
    ...settingsFor({
      databaseUrl: database.url,
      dockerHost: engine.dockerHost,
      vaultAddress: address,
      setup,
    }),
    STINT_NODE_ID: nodes[name],
    STINT_SEAL_KEY: sealKey,
    STINT_SLOTS: String(slots),
    STINT_LEASE: '2s',
    STINT_LOST_GRACE: '1s',
    STINT_STOP_GRACE: '1s',
    STINT_DRAIN_TIMEOUT: '1s',
    STINT_MAX_RUN_TIME: '10m',
    NODE_OPTIONS: `--import=${preload}`,
    WRONG_CLOCK_FILE: clockFile(name),
  };
  const server = await startStintServer({ env });
  servers.push(server);
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const token = await GostintClient.logIn(address, login);
  return new GostintClient({ vault: address, stint: server.url, token, roleName: setup.roleName });
}

function clockFile(name: NodeName): string {
  return join(directory, name);
}

async function setClock(name: NodeName, offsetMs: number): Promise<void> {
  await writeFile(clockFile(name), String(offsetMs));
}

function submit(client: GostintClient, script: string, qname = uniqueName()): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

/** Prints the machine's own uptime first and last, which no clock on a wall can change. */
const witness = 'cut -d" " -f1 /proc/uptime; sleep 0.2; cut -d" " -f1 /proc/uptime';

describe('Q10: two nodes, one an hour ahead and one an hour behind', () => {
  test('keep the order of a queue, never overlap and settle nothing of each other', {
    timeout: 120_000,
  }, async () => {
    // With one slot each, so that both are needed for two jobs at once.
    const clients = [await start('ahead', hourMs, 1), await start('behind', -hourMs, 1)] as const;
    const long = await Promise.all(clients.map((client) => submit(client, 'sleep 6; echo whole')));
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push(await submit(clients[n % 2 === 0 ? 0 : 1], witness, 'one'));

    const spans = [];
    for (const id of ids) {
      const { status, output } = await clients[0].wait(id);
      expect(status).toBe('success');
      spans.push(...output.trim().split('\n').map(Number));
    }
    expect(spans).toHaveLength(16);
    expect(spans).toEqual(spans.toSorted((a, b) => a - b));
    for (const id of long)
      expect(await clients[1].wait(id)).toMatchObject({ status: 'success', output: 'whole\n' });
    const used = await sql`select distinct node from jobs order by node`;
    expect(used.map(({ node }) => node)).toEqual(Object.values(nodes));
    const wrong = await sql`
      select id from jobs where abs(extract(epoch from clock_timestamp() - submitted_at)) > 600
        or started_at < submitted_at or finished_at < started_at`;
    expect(wrong).toEqual([]);
  });
});

describe.each([
  ['ahead', hourMs],
  ['behind', -hourMs],
] as const)('Q10: a node an hour %s', (name, offsetMs) => {
  test('tells a stolen wrap from one that has expired, and warns of neither without cause', async () => {
    const client = await start(name, offsetMs);
    const [stolen, short] = [await client.wrapSecretId(), await client.wrapSecretId('4s')];
    const qname = uniqueName();
    const running = await submit(client, 'echo up; sleep 300', qname);
    const post = (wrap: string, queue: string) =>
      client.post({ qname: queue, wrap_secret_id: wrap, container_image: image, run: ['true'] });
    const other = uniqueName();
    const beside = await submit(client, 'echo up; sleep 300', other);
    const { _id: first, ...answer } = await post(stolen, qname);
    const { _id: second } = await post(short, other);
    expect(answer).not.toHaveProperty('warnings');

    await operator.ask('POST', 'sys/wrapping/unwrap', { headers: { 'X-Vault-Token': stolen } });
    await vi.waitFor(async () => expect(await isWhole(short)).toBe(false), 20_000);
    await Promise.all([client.kill(running), client.kill(beside)]);

    expect(await client.wait(first)).toMatchObject({
      status: 'notauthorised',
      output: holding('it has been used before its time'),
    });
    expect(await client.wait(second)).toMatchObject({
      status: 'notauthorised',
      output: holding('expired at 20'),
    });
    expect(await sql`select job_id from events where kind = 'alarm'`).toEqual([{ job_id: first }]);
  });

  test('goes on with a job that its earlier life had started when its clock was right', async () => {
    const before = await start(name, 0);
    const id = await submit(before, 'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done');
    await before.wait(id, 30_000, ({ output }) => output.includes('2'));
    servers[0]?.signal('SIGKILL');
    await servers[0]?.gone(5_000);

    const after = await start(name, offsetMs);

    const text = '1\n2\n3\n4\n5\n6\n7\n8\n';
    expect(await after.wait(id)).toMatchObject({ status: 'success', return_code: 0, output: text });
    expect(await sql`select output_complete from jobs`).toEqual([{ output_complete: true }]);
  });

  test('lets jobs run and wait on while its clock jumps', async () => {
    const client = await start(name, 0);
    const qname = uniqueName();
    const running = await submit(client, 'echo up; sleep 4; echo down', qname);
    const waiting = await submit(client, 'echo next', qname);
    await client.wait(running, 30_000, ({ output }) => output.includes('up'));

    await setClock(name, offsetMs);

    expect(await client.wait(running)).toMatchObject({ status: 'success', output: 'up\ndown\n' });
    expect(await client.wait(waiting)).toMatchObject({ status: 'success', output: 'next\n' });
    const hold = await submit(client, 'echo up; sleep 300');
    await client.wait(hold, 30_000, ({ output }) => output.includes('up'));
    await client.kill(hold);
    expect(await client.wait(hold, 20_000)).toMatchObject({ status: 'failed', kill_requested: true });
  });
});

async function isWhole(wrap: string): Promise<boolean> {
  const { status } = await operator.ask('POST', 'sys/wrapping/lookup', { body: { token: wrap } });
  return status === 200;
}
