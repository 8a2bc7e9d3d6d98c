import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/docker.js';
import { ensureImage } from '../../rig/image.js';
import { type StintServer, startStintServer } from '../../rig/stint.js';
import { settingsFor } from '../../rig/stint-settings.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';

const image = 'busybox:latest';
const [engine, prepared] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
const { address: vault, setup } = prepared;
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);

/** Kept over the lives of one node: its id and its key are in the directory, its jobs in the database. */
let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let state: string;

beforeEach(async () => {
  database = await createEmptyDatabase();
  state = await mkdtemp(join(tmpdir(), 'stint-process-'));
});

afterEach(async () => {
  await database[Symbol.asyncDispose]();
  await rm(state, { recursive: true });
});

function start(): Promise<StintServer> {
  const ground = { databaseUrl: database.url, dockerHost: engine.dockerHost, vaultAddress: vault, setup };
  const env = { ...settingsFor(ground), STINT_STATE_DIR: state, STINT_STOP_GRACE: '1s' };
  return startStintServer({ env });
}

async function clientOf(stint: StintServer): Promise<GostintClient> {
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const token = await GostintClient.logIn(vault, login);
  return new GostintClient({ vault, stint: stint.url, token, roleName: setup.roleName });
}

function submit(client: GostintClient, script: string): Promise<string> {
  return client.submit({ qname: 'process', container_image: image, run: ['sh', '-c', script] });
}

/** A job whose program has been seen to run. */
async function startJob(client: GostintClient, script: string): Promise<string> {
  const id = await submit(client, `echo begun; ${script}`);
  await client.wait(id, 30_000, ({ output }) => output.includes('begun'));
  return id;
}

async function containersOf(id: string): Promise<number> {
  const filters = { label: [`stint.job=${id}`] };
  return (await docker.listContainers({ all: true, filters })).length;
}

test('after a SIGTERM the running job finishes, the waiting one waits for the next start, and the code is 0', async () => {
  await using stint = await start();
  const client = await clientOf(stint);
  const running = await startJob(client, 'sleep 2; echo done');
  const waiting = await submit(client, 'echo later');

  stint.signal('SIGTERM');

  await vi.waitFor(async () => expect((await fetch(`${stint.url}/readyz`)).status).toBe(503), 5_000);
  expect(await client.stint('GET', '/v1/api/health')).toMatchObject({ state: 'draining' });
  await stint.gone(20_000);
  expect(stint.exitCode()).toBe(0);

  await using next = await start();
  const again = await clientOf(next);
  expect(await again.get(running)).toMatchObject({ status: 'success', output: 'begun\ndone\n' });
  expect(await again.wait(waiting)).toMatchObject({ status: 'success', output: 'later\n' });
});

test('a second SIGTERM stops the running job, which is then neither a success nor a failure', async () => {
  await using stint = await start();
  const id = await startJob(await clientOf(stint), 'sleep 300');

  stint.signal('SIGTERM');
  await vi.waitFor(async () => expect((await fetch(`${stint.url}/readyz`)).status).toBe(503), 5_000);
  stint.signal('SIGTERM');
  await stint.gone(20_000);

  expect(stint.exitCode()).toBe(0);
  await using next = await start();
  expect(await (await clientOf(next)).get(id)).toMatchObject({ status: 'unknown' });
  expect(await containersOf(id)).toBe(0);
});

test('a killed node settles at its next start what it left, and the queue goes on', async () => {
  await using stint = await start();
  const client = await clientOf(stint);
  const running = await startJob(client, 'sleep 300');
  const waiting = await submit(client, 'echo later');

  stint.signal('SIGKILL');
  await stint.gone(5_000);
  expect(await containersOf(running)).toBe(1);

  await using next = await start();
  const again = await clientOf(next);
  expect(await again.wait(running)).toMatchObject({ status: 'unknown' });
  expect(await containersOf(running)).toBe(0);
  expect(await again.wait(waiting)).toMatchObject({ status: 'success', output: 'later\n' });
});

test('settings that cannot be used are all named at once, and nothing is started', () => {
  const env = { PATH: process.env.PATH, HOME: state, STINT_PORT: 'many', STINT_SLOTS: '0', STINT_PROT: '1' };

  const ended = spawnSync(process.execPath, ['scripts/run.mjs', 'src/main'], { env, encoding: 'utf8' });

  expect(ended.status).toBe(1);
  expect(ended.stdout).toBe('');
  for (const name of [
    'STINT_PORT',
    'STINT_SLOTS',
    'STINT_PROT',
    'STINT_DATABASE_URL',
    'VAULT_ADDR',
    'STINT_APPROLE_ID',
  ])
    expect(ended.stderr).toContain(name);
});
