import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import connect, { type Sql } from 'postgres';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';

const image = 'busybox:latest';
const [shared, prepared] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
const own = await startEngine({ alwaysOwn: true });
afterAll(() => own[Symbol.asyncDispose]());
const { address: vault, rootToken, setup } = prepared;
/** Node A works on the first engine, node B on the second. */
const engines = [shared.dockerHost, own.dockerHost] as const;
const dockers = engines.map((host) => connectDocker(host)) as [Docker, Docker];
for (const docker of dockers) await ensureImage(docker, image);

/** What the nodes share: a database and a key. */
let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let sql: Sql;
let sealKey: string;
let directories: string[];
let servers: StintServer[];

beforeEach(async () => {
  database = await createEmptyDatabase();
  sql = connect(database.url, { max: 1, onnotice: () => undefined });
  sealKey = randomBytes(32).toString('base64');
  directories = await Promise.all(['a', 'b'].map((name) => mkdtemp(join(tmpdir(), `stint-node-${name}-`))));
  servers = [];
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server.exitCode() === undefined) server.signal('SIGKILL');
    await server[Symbol.asyncDispose]();
  }
  await removeContainers();
  await sql.end({ timeout: 1 });
  await database[Symbol.asyncDispose]();
  for (const directory of directories) await rm(directory, { recursive: true });
});

/** Containers of this test's jobs: killed nodes leave them. */
async function removeContainers(): Promise<void> {
  const ids = new Set((await sql`select id from jobs`).map(({ id }) => id));
  for (const docker of dockers)
    for (const { Id, Labels } of await docker.listContainers({ all: true }))
      if (ids.has(Labels['stint.job'])) await docker.getContainer(Id).remove({ force: true });
}

type NodeName = 'a' | 'b';

async function start(name: NodeName, settings: Record<string, string> = {}): Promise<GostintClient> {
  const index = name === 'a' ? 0 : 1;
  const ground = { databaseUrl: database.url, dockerHost: engines[index], vaultAddress: vault, setup };
  const env = {
    ...settingsFor(ground),
    STINT_STATE_DIR: directories[index] ?? '',
    STINT_SEAL_KEY: sealKey,
    STINT_STOP_GRACE: '1s',
    STINT_LEASE: '2s',
    STINT_LOST_GRACE: '1s',
    ...settings,
  };
  const server = await startStintServer({ env });
  servers[index] = server;
  const token = await GostintClient.logIn(vault, {
    roleId: setup.clientRoleId,
    secretId: setup.clientSecretId,
  });
  return new GostintClient({ vault, stint: server.url, token, roleName: setup.roleName });
}

async function signal(name: NodeName, which: NodeJS.Signals): Promise<void> {
  const server = servers[name === 'a' ? 0 : 1];
  server?.signal(which);
  if (which === 'SIGKILL') await server?.gone(5_000);
}

function submit(client: GostintClient, script: string, qname: string): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

async function startJob(client: GostintClient, qname: string): Promise<string> {
  const id = await submit(client, 'echo begun; sleep 300', qname);
  await client.wait(id, 30_000, ({ output }) => output.includes('begun'));
  return id;
}

async function isRunning(docker: Docker, id: string): Promise<boolean> {
  return (await docker.listContainers({ filters: { label: [`stint.job=${id}`] } })).length > 0;
}

/** By both engines' events: the seconds at which a container of the job started or died. */
async function momentsOf(id: string, action: 'start' | 'die'): Promise<number[]> {
  const filters = { label: [`stint.job=${id}`], event: [action] };
  const until = Date.now() / 1000;
  const streams = await Promise.all(
    dockers.map((docker) => docker.getEvents({ since: until - 300, until, filters })),
  );
  const moments: number[] = [];
  for (const stream of streams)
    for await (const part of stream as AsyncIterable<Buffer>)
      for (const line of part.toString().split('\n').filter(Boolean))
        moments.push(Number(JSON.parse(line).timeNano) / 1e9);
  return moments;
}

async function expectNoOverlap(first: string, second: string): Promise<void> {
  const [died] = await momentsOf(first, 'die');
  const started = await momentsOf(second, 'start');
  expect(started).toHaveLength(1);
  expect(started[0]).toBeGreaterThan(died ?? Number.POSITIVE_INFINITY);
}

async function isTokenAlive(accessor: unknown): Promise<boolean> {
  const answer = await fetch(`${vault}/v1/auth/token/lookup-accessor`, {
    method: 'POST',
    headers: { 'X-Vault-Token': rootToken },
    body: JSON.stringify({ accessor }),
  });
  await answer.body?.cancel();
  return answer.ok;
}

const goneLimitMs = 15_000;

describe('Q6: with a node killed for good and its engine left', () => {
  test('all its jobs are settled, and its queues wait until it is back and has removed their containers', async () => {
    const a = await start('a');
    const queues = ['one', 'two', 'three'];
    const jobs = await Promise.all(queues.map((queue) => startJob(a, queue)));
    const behind = await Promise.all(queues.map((queue) => submit(a, 'echo next', queue)));
    const b = await start('b');

    await signal('a', 'SIGKILL');
    for (const id of jobs) expect(await b.wait(id, goneLimitMs)).toMatchObject({ status: 'unknown' });
    const beside = await submit(b, 'echo beside', 'free');
    expect(await b.wait(beside)).toMatchObject({ status: 'success' });
    for (const id of behind) expect(await b.get(id)).toMatchObject({ status: 'queued' });
    for (const id of jobs) expect(await isRunning(dockers[0], id)).toBe(true);

    await start('a');
    for (const id of behind) expect(await b.wait(id, goneLimitMs)).toMatchObject({ status: 'success' });
    for (const [index, id] of jobs.entries()) await expectNoOverlap(id, behind[index] ?? '');
    for (const id of jobs) expect(await b.get(id)).toMatchObject({ status: 'unknown' });
  });

  test('a queue waits no longer than the limit', async () => {
    const a = await start('a', { STINT_HOLD_LIMIT: '3s' });
    const job = await startJob(a, 'held');
    const behind = await submit(a, 'echo next', 'held');
    const b = await start('b', { STINT_HOLD_LIMIT: '3s' });

    await signal('a', 'SIGKILL');
    expect(await b.wait(job, goneLimitMs)).toMatchObject({ status: 'unknown' });
    const [hold] =
      await sql`select extract(epoch from hold_until)::float8 as until from queues where name = 'held'`;
    expect(await b.wait(behind, goneLimitMs)).toMatchObject({ status: 'success' });

    const [started] = await momentsOf(behind, 'start');
    expect(started).toBeGreaterThan(hold?.until);
    expect(await isRunning(dockers[0], job)).toBe(true);
  });

  test('a job that had not begun is run by the other node, once', async () => {
    const a = await start('a', { STINT_FAILPOINTS: 'after-claim=kill' });
    const job = await submit(a, 'echo once', 'one');
    const b = await start('b');

    expect(await b.wait(job, goneLimitMs)).toMatchObject({ status: 'success', output: 'once\n' });
    expect(await momentsOf(job, 'start')).toHaveLength(1);
  });
});

test('Q6: a node that shares the engine of the dead one removes its containers, and the queue goes on at once', async () => {
  const a = await start('a');
  const job = await startJob(a, 'shared');
  const behind = await submit(a, 'echo next', 'shared');
  const b = await start('b', { DOCKER_HOST: engines[0] });

  const [row] = await sql`select token_accessor from jobs where id = ${job}`;
  expect(await isTokenAlive(row?.token_accessor)).toBe(true);

  await signal('a', 'SIGKILL');

  expect(await b.wait(behind, goneLimitMs)).toMatchObject({ status: 'success' });
  expect(await b.get(job)).toMatchObject({ status: 'unknown' });
  await expectNoOverlap(job, behind);
  await expect.poll(() => isTokenAlive(row?.token_accessor), { timeout: 5_000 }).toBe(false); // V7
  await expect
    .poll(() => sql`select token_accessor from jobs where id = ${job}`)
    .toEqual([{ token_accessor: null }]);
});

test('Q2: a node that was stopped and wakes after another took over changes nothing', async () => {
  const a = await start('a');
  const job = await startJob(a, 'one');
  const behind = await submit(a, 'echo next', 'one');
  const b = await start('b');

  await signal('a', 'SIGSTOP');
  expect(await b.wait(job, goneLimitMs)).toMatchObject({ status: 'unknown' });
  const [before] = await sql`select to_jsonb(jobs) - 'token_accessor' as row from jobs where id = ${job}`;
  expect(await b.get(behind)).toMatchObject({ status: 'queued' });
  await signal('a', 'SIGCONT');

  expect(await b.wait(behind, goneLimitMs)).toMatchObject({ status: 'success' });
  await expectNoOverlap(job, behind);
  expect(await sql`select to_jsonb(jobs) - 'token_accessor' as row from jobs where id = ${job}`).toEqual([
    before,
  ]);
  expect(await isRunning(dockers[0], job)).toBe(false);
});

test.each([
  ['before-unwrap', 0],
  ['before-start', 0],
  ['before-record', 1],
])(
  'Q2: a node that is stopped at %s and wakes after another took over does not go on',
  async (place, starts) => {
    const a = await start('a', { STINT_FAILPOINTS: `${place}=stop` });
    const job = await submit(a, 'echo once', 'one');
    const b = await start('b');
    expect(await b.wait(job, goneLimitMs)).toMatchObject({ status: 'unknown' });
    const behind = await submit(b, 'echo next', 'one');
    const [before] = await sql`select to_jsonb(jobs) - 'token_accessor' as row from jobs where id = ${job}`;

    await signal('a', 'SIGCONT');

    expect(await b.wait(behind, goneLimitMs)).toMatchObject({ status: 'success' });
    await expect.poll(() => servers[0]?.readLog(), { timeout: 5_000 }).toContain('claim lost, run stopped');
    expect(await momentsOf(job, 'start')).toHaveLength(starts);
    expect(await sql`select to_jsonb(jobs) - 'token_accessor' as row from jobs where id = ${job}`).toEqual([
      before,
    ]);
    const left = await dockers[0].listContainers({ all: true, filters: { label: [`stint.job=${job}`] } });
    expect(left).toEqual([]);
  },
);
