import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';

const image = 'busybox:latest';
const [engine, prepared] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
const { address: vault, setup } = prepared;
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);

/** Shared by all processes of one node: its id and its key are in the directory, its jobs in the database. */
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

function start(settings: Record<string, string> = {}): Promise<StintServer> {
  const ground = { databaseUrl: database.url, dockerHost: engine.dockerHost, vaultAddress: vault, setup };
  const env = { ...settingsFor(ground), STINT_STATE_DIR: state, STINT_STOP_GRACE: '1s', ...settings };
  return startStintServer({ env });
}

async function clientOf(stint: StintServer): Promise<GostintClient> {
  const login = { roleId: setup.clientRoleId, secretId: setup.clientSecretId };
  const token = await GostintClient.logIn(vault, login);
  return new GostintClient({ vault, stint: stint.url, token, roleName: setup.roleName });
}

function submit(client: GostintClient, script: string, qname = 'process'): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

/** Starts a job and waits until its program runs. */
async function startJob(client: GostintClient, script: string, qname?: string): Promise<string> {
  const id = await submit(client, `echo begun; ${script}`, qname);
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

/** Prints a number every tenth of a second, so that a gap or a repeat is seen, and ends with a code of its own. */
function counting(to: number, code: number): string {
  return `for i in $(seq ${to}); do echo $i; sleep 0.1; done; exit ${code}`;
}

function counted(to: number): string {
  return ['begun', ...Array.from({ length: to }, (_, index) => index + 1), ''].join('\n');
}

test('Q8: a second SIGTERM ends the server at once and detaches from the running job, which the next process adopts', async () => {
  await using stint = await start();
  const id = await startJob(await clientOf(stint), counting(100, 7));

  stint.signal('SIGTERM');
  await vi.waitFor(async () => expect((await fetch(`${stint.url}/readyz`)).status).toBe(503), 5_000);
  stint.signal('SIGTERM');
  await stint.gone(3_000);

  expect(stint.exitCode()).toBe(0);
  expect(await containersOf(id)).toBe(1);
  await using next = await start();
  expect(await (await clientOf(next)).wait(id)).toMatchObject({
    status: 'failed',
    return_code: 7,
    output: counted(100),
  });
  expect(await containersOf(id)).toBe(0);
});

test('Q8: a node that detaches on shutdown ends at the first SIGTERM, and returns jobs that have not begun to the queue', async () => {
  await using stint = await start({ STINT_ON_SHUTDOWN: 'leave' });
  const client = await clientOf(stint);
  const running = await startJob(client, counting(100, 0));
  const waiting = await submit(client, 'echo later');

  stint.signal('SIGTERM');
  await stint.gone(5_000);

  expect(stint.exitCode()).toBe(0);
  expect(await containersOf(running)).toBe(1);
  await using next = await start();
  const again = await clientOf(next);
  expect(await again.wait(running)).toMatchObject({ status: 'success', output: counted(100) });
  expect(await again.wait(waiting)).toMatchObject({ status: 'success', output: 'later\n' });
});

test('Q9: after a kill -9 and a restart each job ends with its true code and whole output, and its queue goes on', async () => {
  await using stint = await start();
  const client = await clientOf(stint);
  const [counts, ends, sleeps] = await Promise.all([
    startJob(client, counting(120, 3), 'counts'),
    startJob(client, 'sleep 5; echo done; exit 5', 'ends'),
    startJob(client, 'sleep 300', 'sleeps'),
  ]);
  const queues = ['counts', 'ends', 'sleeps'];
  const waiting = await Promise.all(queues.map((queue) => submit(client, `echo after ${queue}`, queue)));

  stint.signal('SIGKILL');
  await stint.gone(5_000);
  await vi.waitFor(async () => expect(await runningOf(ends)).toBe(0), 10_000); // It ends while no server runs.

  await using next = await start();
  const again = await clientOf(next);
  const ended = await again.wait(ends, 15_000);
  expect(ended).toMatchObject({ return_code: 5, output: expect.stringContaining('begun\n') });
  expect(ended.output).toContain('secrets_unknown'); // The secrets were lost with the container, so the rest could not be masked.
  expect(await again.wait(waiting[1] ?? '', 10_000)).toMatchObject({ output: 'after ends\n' });
  expect(await again.get(sleeps)).toMatchObject({ status: 'running' });
  await again.kill(sleeps);
  expect(await again.wait(sleeps, 5_000)).toMatchObject({ status: 'failed' });
  expect(await again.wait(counts, 30_000)).toMatchObject({ return_code: 3, output: counted(120) });
  for (const id of waiting) expect(await again.wait(id, 10_000)).toMatchObject({ status: 'success' });
  for (const id of [counts, ends, sleeps]) expect(await containersOf(id)).toBe(0);
});

async function runningOf(id: string): Promise<number> {
  return (await docker.listContainers({ filters: { label: [`stint.job=${id}`] } })).length;
}

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

test('an engine that is not supported ends the start with one sentence that names it', async () => {
  const socket = join(state, 'podman.sock');
  const version = { Version: '4.3.1', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] };
  await using server = createServer((_, response) => response.end(JSON.stringify(version))).listen(socket);
  await vi.waitFor(() => expect(server.listening).toBe(true));
  const ground = { databaseUrl: database.url, dockerHost: `unix://${socket}`, vaultAddress: vault, setup };
  const env = { ...process.env, ...settingsFor(ground), STINT_STATE_DIR: state };

  const ended = promisify(execFile)(process.execPath, ['scripts/run.mjs', 'src/main'], { env });

  await expect(ended).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Expected a Docker engine, got \\"Podman Engine\\" 4.3.1'),
  });
});
