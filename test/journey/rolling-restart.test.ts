import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import connect, { type Sql } from 'postgres';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';

const image = 'busybox:latest';
const [engine, vault] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
await ensureImage(connectDocker(engine.dockerHost), image);
const database = await createEmptyDatabase();
const sql: Sql = connect(database.url, { max: 1, onnotice: () => undefined });
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database[Symbol.asyncDispose]();
});

const names = ['one', 'two'] as const;
type NodeName = (typeof names)[number];
const nodeIds = { one: randomUUID(), two: randomUUID() };
const sealKey = randomBytes(32).toString('base64');
const servers = new Map<NodeName, StintServer>();
/** The client's own token, which is an operator's token here. */
let token: string;
let client: GostintClient;

beforeEach(async () => {
  const { setup, address } = vault;
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  token = await GostintClient.logIn(address, login);
  client = new GostintClient({ vault: address, stint: '', token, roleName: setup.roleName });
  for (const name of names) await start(name);
});

afterEach(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

async function start(name: NodeName): Promise<void> {
  const { setup, address } = vault;
  const ground = { databaseUrl: database.url, dockerHost: engine.dockerHost, vaultAddress: address, setup };
  const env = {
    ...settingsFor(ground),
    STINT_NODE_ID: nodeIds[name],
    STINT_SEAL_KEY: sealKey,
    STINT_SLOTS: '3',
    STINT_LEASE: '10s',
    STINT_OPERATOR_POLICIES: setup.clientPolicy,
  };
  servers.set(name, await startStintServer({ env }));
}

/** Asks one node after another until one answers. */
async function askAny(
  path: string,
  init: RequestInit,
): Promise<{ status: number; body: unknown } | undefined> {
  for (const { url } of servers.values()) {
    const headers = { ...init.headers, 'X-Auth-Token': token };
    const response = await fetch(`${url}${path}`, { ...init, headers }).catch(() => undefined);
    if (response !== undefined && response.status < 500)
      return { status: response.status, body: await response.json() };
    await response?.body?.cancel();
  }
  return undefined;
}

/** The time between two submits into one queue: about as fast as two cores run such jobs. */
const paceMs = 700;

const witness = 'cut -d" " -f1 /proc/uptime; sleep 0.2; cut -d" " -f1 /proc/uptime';

/** Submits as a client that expects restarts: repeatedly, under one idempotency key, until a node accepts the job. */
async function submit(qname: string): Promise<string> {
  const request = await client.prepare({ qname, container_image: image, run: ['sh', '-c', witness] });
  const init = {
    method: 'POST',
    headers: { 'Idempotency-Key': randomUUID() },
    body: JSON.stringify(request),
  };
  for (;;) {
    const answer = await askAny('/v1/api/job', init);
    const { _id: id } = (answer?.body ?? {}) as { _id?: string };
    if (answer?.status === 200 && id !== undefined) return id;
    if (answer !== undefined && answer.status !== 409) throw new Error(`Expected 200, got ${answer.status}.`);
    await delay(100);
  }
}

/** As docs/operators.md describes: no job of the node is interrupted, and no job waits for it. */
async function restart(name: NodeName): Promise<void> {
  const server = servers.get(name);
  const path = `/stint/v1/nodes/${nodeIds[name]}`;
  expect(await askAny(`${path}/drain`, { method: 'POST' })).toMatchObject({ status: 200 });
  await vi.waitFor(async () => expect(await activeJobs(name)).toBe(0), { timeout: 60_000, interval: 100 });
  server?.signal('SIGTERM');
  await server?.gone(20_000);
  expect(server?.exitCode()).toBe(0);
  await server?.[Symbol.asyncDispose]();
  servers.delete(name);
  expect(await askAny(`${path}/undrain`, { method: 'POST' })).toMatchObject({ status: 200 });
  await start(name);
}

async function activeJobs(name: NodeName): Promise<number> {
  const answer = await askAny('/stint/v1/nodes', { method: 'GET' });
  const list = answer?.body as { nodes: { id: string; active: number }[] } | undefined;
  return list?.nodes.find(({ id }) => id === nodeIds[name])?.active ?? Number.NaN;
}

test('Q8: two nodes restarted one after the other under load lose no job, keep the order and interrupt nothing', {
  timeout: 300_000,
}, async () => {
  const over = new AbortController();
  const queues = ['a', 'b', 'c'];
  const submitted = queues.map(async (queue) => {
    const ids = [];
    for (; !over.signal.aborted; await delay(paceMs)) ids.push(await submit(queue));
    return ids;
  });

  for (const name of names) await restart(name);
  over.abort();
  const ids = (await Promise.all(submitted)).flat();

  expect(ids.length).toBeGreaterThan(9);
  const unended = () =>
    sql`select id from jobs where state in ('queued', 'preparing', 'running', 'stopping')`;
  await vi.waitFor(async () => expect(await unended()).toEqual([]), { timeout: 180_000, interval: 300 });
  expect(await sql`select id, state, message from jobs where state <> 'succeeded'`).toEqual([]);
  expect(await sql`select count(*)::int as count from jobs`).toEqual([{ count: ids.length }]);
  const nodes = await sql`select distinct node from jobs`;
  expect(nodes.map(({ node }) => node).toSorted()).toEqual(Object.values(nodeIds).toSorted());
  const broken =
    await sql`select job_id, kind from events where kind in ('queued', 'postponed', 'lost', 'adopted')`;
  expect(broken).toEqual([]);
  for (const [n, queue] of queues.entries()) await expectInOrder(queue, (await submitted[n]) ?? []);
});

/** By the machine's uptime that each job printed first and last. */
async function expectInOrder(queue: string, ids: readonly string[]): Promise<void> {
  const rows = await sql`
    select id, (select string_agg(convert_from(bytes, 'utf8'), '' order by job_output.seq)
                from job_output where job_id = id) as output
    from jobs where queue = ${queue} order by jobs.seq`;
  expect(rows.map(({ id }) => id)).toEqual(ids);
  const moments = rows.flatMap(({ output }) => String(output).trim().split('\n').map(Number));
  expect(moments).toHaveLength(2 * ids.length);
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
}
