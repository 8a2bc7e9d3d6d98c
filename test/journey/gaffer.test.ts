import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { GafferClient } from './gaffer-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const on = await startStintOnRig({
  STINT_GAFFER_IMAGE: image,
  STINT_SLOTS: '16',
  STINT_ALLOW_USERS: '1000:1000',
});
afterAll(() => on[Symbol.asyncDispose]());

const run = promisify(execFile);
const operator = new VaultOperator(on.vault);
const clientOf = async (client: GostintClient) => new GafferClient(on.stint.url, await client.minimalToken());
const gaffer = await clientOf(on.client);
const loaded: string[] = [];

afterEach(async () => {
  for (const name of loaded.splice(0)) await gaffer.unload(name);
});

/** Prints what it was started with, and ends at a signal. */
const talking = `echo "port $PORT, $* as $(id -u)"; trap "echo hup" HUP; trap "exit 0" TERM; while :; do sleep 0.1; done`;

/** Loads a job in a session of its own, and returns its full name. */
async function load(config: object): Promise<string> {
  const session = uniqueName().replaceAll(/[^a-z0-9]/g, '');
  await gaffer.load(session, { name: 'web', ...config });
  loaded.push(`${session}.web`);
  return `${session}.web`;
}

const path = (name: string) => `/jobs/${name.replace('.', '/')}`;
const jobOf = async (pid: number) => (await gaffer.ask('GET', `/${pid}`)).jobId;
const output = async (id: string) => (await on.client.get(id)).output;
const poll = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 30_000 });

test('a job is loaded, counted at once, shown, stopped, started and unloaded', async () => {
  const name = await load({
    cmd: 'sh -c',
    args: [talking, 'sh', 'on $HOST', '$$5'],
    env: { PORT: 8080, HOST: 'h1' },
    numprocesses: 2,
    uid: 1000,
    gid: '1000',
    cwd: '/tmp/app',
    redirect_output: ['out', 'err'],
  });
  const [session = ''] = name.split('.');

  const info = await gaffer.info(name);
  expect(info).toMatchObject({ name, active: true, running: 2, running_out: 0, max_processes: 2 });
  const [pid = 0, other = 0] = info.processes;
  expect((await gaffer.ask('GET', '/jobs')).body).toEqual({ jobs: [name] });
  expect((await gaffer.ask('GET', `/jobs/${session}`)).body).toEqual({ sessionid: session, jobs: [name] });
  expect((await gaffer.ask('GET', '/pids')).body).toEqual({ pids: [pid, other] });
  const id = await jobOf(pid);
  await poll(() => output(id)).toContain('port 8080, on h1 $5 as 1000\n');

  const { body: shown } = await gaffer.ask('GET', `/${pid}`);
  expect(shown).toMatchObject({ pid, name, cmd: 'sh', uid: 1000, gid: 1000, commited: false, active: true });
  const { os_pid: osPid } = shown as { os_pid: number };
  const { State, Config } = await on.docker.getContainer((await on.client.get(id)).container_id).inspect();
  expect({ osPid, WorkingDir: Config.WorkingDir }).toEqual({ osPid: State.Pid, WorkingDir: '/tmp/app' });
  const { body: stats } = await gaffer.ask('GET', `${path(name)}/stats`);
  expect(stats).toMatchObject({ name, stats: [{ pid, os_pid: osPid }, { pid: other }] });
  expect((stats as { stats: { mem_info1: string }[] }).stats[0]?.mem_info1).toMatch(/^\d+[KM]$/);

  expect(await gaffer.state(name, 0)).toMatchObject({ status: 202, body: { ok: true } });
  expect((await gaffer.ask('GET', `${path(name)}/state`)).body).toBe('0');
  expect((await gaffer.ask('GET', `/${pid}`)).status).toBe(404);
  expect(await on.client.wait(id)).toMatchObject({ status: 'failed', kill_requested: true });
  expect(await gaffer.state(name, 1)).toMatchObject({ status: 202 });
  expect(await gaffer.pids(name)).toHaveLength(2);

  expect(await gaffer.unload(name)).toMatchObject({ status: 200, body: { ok: true } });
  expect(await gaffer.unload(name)).toMatchObject({ status: 404, body: { error: 'not_found', errno: 404 } });
  expect((await gaffer.ask('GET', '/pids')).body).toEqual({ pids: [] });
});

test('a process that ends is replaced, and so is one that is stopped here or at the main door', async () => {
  const name = await load({ cmd: `sh -c 'sleep 3'` });
  const [first = 0] = await gaffer.pids(name);
  const id = await jobOf(first);
  await poll(async () => (await gaffer.pids(name)).includes(first)).toBe(false);
  expect(await on.client.get(id)).toMatchObject({ status: 'success', return_code: 0 });
  const [second = 0] = await gaffer.pids(name);

  expect(await gaffer.ask('DELETE', `/${second}`)).toMatchObject({ status: 202 });
  const [third = 0] = await gaffer.pids(name);
  expect(third).toBeGreaterThan(second);

  await on.client.kill(await jobOf(third));
  await poll(async () => (await gaffer.pids(name)).some((pid) => pid > third)).toBe(true);
});

test('a job whose program is not there is restarted with pauses, and given up', async () => {
  const flapping = { attempts: 2, window: 1, retry_in: 0.2, max_retry: 1 };
  const name = await load({ cmd: 'nonesuch --now', flapping });

  await poll(async () => (await gaffer.info(name)).active).toBe(false);
  await poll(async () => (await gaffer.info(name)).last_exit?.exit_code).toBe(127);
  await poll(async () => (await gaffer.info(name)).processes.length).toBe(0);

  expect((await gaffer.info(name)).last_exit?.reason).toContain('nonesuch');
  await gaffer.state(name, 1);
  expect(await gaffer.info(name)).toMatchObject({ active: true, running: 1 });
});

test('a signal reaches the program of one process, or of all', async () => {
  const name = await load({ cmd: 'sh -c', args: [talking], numprocesses: 2 });
  const pids = await gaffer.pids(name);
  const ids = await Promise.all(pids.map(jobOf));
  for (const id of ids) await poll(() => output(id)).toContain('port');

  expect(await gaffer.ask('POST', `/${pids[0]}/signal`, { signal: 'SIGHUP' })).toMatchObject({ status: 202 });
  await poll(() => output(ids[0] ?? '')).toContain('hup');
  expect(await output(ids[1] ?? '')).not.toContain('hup');
  await gaffer.ask('POST', `${path(name)}/signal`, { signal: 1 });
  await poll(() => output(ids[1] ?? '')).toContain('hup');

  await gaffer.ask('POST', `/${pids[1]}/signal`, { signal: 'kill' });
  await poll(async () => (await gaffer.pids(name)).includes(pids[1] ?? 0)).toBe(false);
  expect(await on.client.get(ids[1] ?? '')).toMatchObject({ status: 'failed', return_code: 137 });
});

test('a job is scaled, reloaded and replaced; a committed process has its own environment', async () => {
  const name = await load({ cmd: 'sh -c', args: [talking], env: { PORT: 1 }, graceful_timeout: 1 });

  expect((await gaffer.ask('POST', `${path(name)}/numprocesses`, { scale: '+1' })).body).toEqual({
    numprocesses: 2,
  });
  const [oldest = 0, kept = 0] = await gaffer.pids(name);
  await gaffer.ask('POST', `${path(name)}/numprocesses`, { scale: '=1' });
  expect(await gaffer.pids(name)).toEqual([kept]);
  expect(oldest).toBeLessThan(kept);

  const { body } = await gaffer.ask('POST', `${path(name)}/commit`, { env: { PORT: 2 } });
  const { pid } = body as { pid: number };
  const committed = await jobOf(pid);
  await poll(() => output(committed)).toContain('port 2');
  expect(await gaffer.info(name)).toMatchObject({ running: 2, running_out: 1, processes: [kept, pid] });

  await gaffer.state(name, 2);
  const [reloaded = 0, ...others] = await gaffer.pids(name);
  expect({ isNew: reloaded > pid, others }).toEqual({ isNew: true, others: [] });
  expect(await on.client.wait(committed)).toMatchObject({ kill_requested: true });

  const config = { cmd: `sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'`, graceful_timeout: 1 };
  expect((await gaffer.ask('PUT', path(name), config)).status).toBe(201);
  const [stubborn = 0] = await gaffer.pids(name);
  const id = await jobOf(stubborn);
  await poll(() => output(id)).toBe('up\n');
  await gaffer.unload(name);
  expect(await on.client.wait(id)).toMatchObject({ return_code: 137 });
});

test('all processes of a job have its secrets, also with another configuration', async () => {
  const secret = await operator.writeSecret('kv/data', { word: 'correct-horse-battery' });
  const name = await load({
    cmd: `sh -c 'grep -o WORD /secrets.yml; exec sleep 300'`,
    numprocesses: 2,
    graceful_timeout: 1,
    wrap_secret_id: await on.client.wrapSecretId(),
    secret_refs: [`WORD@${secret}.word`],
  });

  await poll(() => gaffer.pids(name)).toHaveLength(2);
  for (const pid of await gaffer.pids(name)) {
    const id = await jobOf(pid);
    await poll(() => output(id)).toBe('WORD\n');
  }
  const { body } = await gaffer.ask('GET', path(name));
  expect(body).not.toHaveProperty('config.wrap_secret_id');
  const config = {
    cmd: `sh -c 'grep OTHER /secrets.yml; exec sleep 300'`,
    secret_refs: [`OTHER@${secret}.word`],
  };
  await gaffer.ask('PUT', path(name), config);
  const [pid = 0] = await gaffer.pids(name);
  const id = await jobOf(pid);
  await poll(() => output(id)).toBe('OTHER: [secret]\n');
});

test('a job that is killed at the main door is gone, and its name is free', async () => {
  const name = await load({ cmd: 'sleep 300' });
  const { jobId } = await gaffer.ask('GET', path(name));

  await on.client.kill(jobId);
  await on.client.wait(jobId);

  expect((await gaffer.ask('GET', path(name))).status).toBe(404);
  const [session = '', label] = name.split('.');
  await gaffer.load(session, { name: label, cmd: 'sleep 300' });
  expect(await gaffer.info(name)).toMatchObject({ active: true });
});

test('to a stranger job and process look missing, and the name is free', async () => {
  const name = await load({ cmd: 'sleep 300' });
  const [pid] = await gaffer.pids(name);
  const role = await operator.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
  const other = await clientOf(await on.newClient(await GostintClient.logIn(on.vault.address, login)));

  expect((await other.ask('GET', '/jobs')).body).toEqual({ jobs: [] });
  for (const [method, at, body] of [
    ['GET', path(name)],
    ['GET', `/${pid}`],
    ['DELETE', path(name)],
    ['DELETE', `/${pid}`],
    ['POST', `/${pid}/signal`, { signal: 9 }],
    ['POST', `${path(name)}/state`, '0'],
  ] as const)
    expect((await other.ask(method, at, body)).status).toBe(404);
  await other.load(name.split('.')[0] ?? '', { name: 'web', cmd: 'true', start: false });

  expect(await gaffer.pids(name)).toEqual([pid]);
});

test('a refused load says what was wrong, and leaves nothing', async () => {
  const before = (await gaffer.ask('GET', '/jobs')).body;

  expect(await gaffer.ask('POST', '/jobs/shop', { name: 'web', cmd: 'true', uid: 0 })).toMatchObject({
    status: 400,
    body: { error: 'bad_request', reason: 'uid' },
  });

  expect((await gaffer.ask('GET', '/jobs')).body).toEqual(before);
});

test('the calls of docs/gaffer.md work as they are typed, and answer what is shown', async () => {
  const doc = readFileSync('docs/gaffer.md', 'utf8');
  const blocks = (kind: string) =>
    [...doc.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
  const env = { ...process.env, STINT: on.stint.url, TOKEN: await on.client.minimalToken() };

  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', blocks('sh').join('\n')], { env });

  expect(blocks('sh')).toHaveLength(2);
  expect(stdout.trim().split('\n')).toEqual(blocks('json').join('').trim().split('\n'));
});
