import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const root = await mkdtemp(join(tmpdir(), 'stint-output-'));
const on = await startStintOnRig({
  STINT_JOBPROXY_IMAGE: image,
  STINT_JOBPROXY_PULL_POLICY: 'IfNotPresent',
  STINT_JOBPROXY_OUTPUT_ROOT: root,
  STINT_JOB_NETWORK: 'bridge',
  STINT_ALLOW_PORTS: '18000-18999',
});
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const operator = new VaultOperator(on.vault);
const own = await on.client.minimalToken();

interface State {
  readonly id: string;
  readonly code: string;
  readonly description: string;
  readonly stdout: string;
  readonly stderr: string;
}

async function ask(method: string, path: string, more: RequestInit & { token?: string } = {}) {
  const { token = own, headers = {}, ...init } = more;
  const response = await fetch(`${on.stint.url}/v1/jobproxy/${path}`, {
    method,
    headers: { 'x-vault-token': token, ...(headers as Record<string, string>) },
    ...init,
  });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

async function submit(task: object | string): Promise<string> {
  const isXml = typeof task === 'string';
  const { status, text } = await ask('POST', 'submit', {
    body: isXml ? task : JSON.stringify(task),
    headers: { 'content-type': isXml ? 'application/xml' : 'application/json', accept: 'application/json' },
  });
  expect({ status, text }).toEqual({ status: 200, text: expect.stringMatching(/^[0-9a-f]{24}$/) });
  return text;
}

async function stateOf(id: string): Promise<State> {
  return JSON.parse((await ask('GET', `state/${id}`)).text) as State;
}

async function waitFor(id: string, isDone = ({ code }: State) => /^\d+$/.test(code)): Promise<State> {
  await expect.poll(async () => isDone(await stateOf(id)), { timeout: 30_000, interval: 200 }).toBe(true);
  return stateOf(id);
}

async function strangersToken(): Promise<string> {
  const role = await operator.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
  return GostintClient.logIn(on.vault.address, login);
}

test('a line for the shell runs in the default image, and its state is read as JSON and as XML', async () => {
  const id = await submit({
    user: 'mlindner',
    cores: 1,
    memory: 256,
    cputime: 2,
    cmd: "echo 'two words' | wc -w",
  });

  expect(await waitFor(id)).toEqual({ id, code: '0', description: 'succeeded', stdout: '2\n', stderr: '' });
  const xml = await ask('GET', `state/${id}`, { headers: { accept: 'application/xml' } });
  expect(xml).toEqual({
    status: 200,
    type: 'application/xml',
    text:
      `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><state><id>${id}</id><code>0</code>` +
      '<description>succeeded</description><stdout>2\n</stdout><stderr></stderr></state>',
  });
});

test('a task in XML runs a command as it is, in its container', async () => {
  const id = await submit(String.raw`<?xml version="1.0"?>
<task xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="JobTask.xsd">
  <user>kai</user><memory> 128 </memory>
  <cmd>printf</cmd><cmd>%s\n</cmd><cmd>a &amp; b</cmd>
  <container><image>${image}</image></container>
</task>`);

  expect(await waitFor(id)).toMatchObject({ code: '0', stdout: 'a & b\n' });
});

test('a task that fails shows its exit status, and both streams apart', async () => {
  const id = await submit({ user: 'kai', cmd: 'echo out; echo err >&2; exit 3' });

  expect(await waitFor(id)).toEqual({
    id,
    code: '3',
    description: 'failed: exit status 3',
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('a program that is not there is called so', async () => {
  const id = await submit({ user: 'kai', cmd: ['blastn', '-version'] });

  expect(await waitFor(id)).toMatchObject({
    code: '127',
    description: 'failed: program not found',
    stdout: '',
  });
});

test('a task without a wrapping token has no secrets file and no variables of Vault', async () => {
  const id = await submit({ user: 'kai', cmd: 'ls /secrets*; env | grep -c VAULT_TOKEN; id -u' });

  expect(await waitFor(id)).toMatchObject({ code: '0', stdout: '0\n2001\n' });
});

test('a running task is listed with its output; deleted, it ends and is gone for this door', async () => {
  const id = await submit({ user: 'kai', cmd: 'echo begun; sleep 300' });
  const running = await waitFor(id, ({ stdout }) => stdout !== '');
  const { state } = JSON.parse((await ask('GET', 'state')).text) as { state: State[] };

  expect(running).toMatchObject({ code: 'running', description: 'running', stdout: 'begun\n' });
  expect(state.find((each) => each.id === id)).toEqual(running);
  expect(await ask('DELETE', `delete/${id}`)).toMatchObject({ status: 204, text: '' });
  expect(await ask('GET', `state/${id}`)).toMatchObject({ status: 404, type: 'text/plain' });
  expect((await ask('GET', 'state')).text).not.toContain(id);
  expect(await on.client.wait(id)).toMatchObject({ status: 'failed', kill_requested: true });
});

test('a finished task can be deleted too, and its job stays in the main door', async () => {
  const id = await submit({ user: 'kai', cmd: 'true' });
  await waitFor(id);

  expect(await ask('DELETE', `delete/${id}`)).toMatchObject({ status: 204 });
  expect(await ask('DELETE', `delete/${id}`)).toMatchObject({ status: 404 });
  expect(await on.client.get(id)).toMatchObject({ status: 'success' });
});

test('a stranger finds no task, and ends none', async () => {
  const id = await submit({ user: 'kai', cmd: 'echo begun; sleep 300' });
  await waitFor(id, ({ stdout }) => stdout !== '');
  const token = await strangersToken();

  for (const [method, path] of [
    ['GET', `state/${id}`],
    ['DELETE', `delete/${id}`],
  ] as const)
    expect(await ask(method, path, { token })).toEqual({
      status: 404,
      type: 'text/plain',
      text: 'not found',
    });
  expect((await ask('GET', 'state', { token })).text).toBe('{"state":[]}');
  expect(await stateOf(id)).toMatchObject({ code: 'running' });
  await ask('DELETE', `delete/${id}`);
});

test('a job of the main door is shown in the words of this one, and is not listed', async () => {
  const { _id: id } = await on.run({ qname: uniqueName(), run: ['sh', '-c', 'exit 4'] });

  expect(await stateOf(id)).toMatchObject({ code: '4', description: 'failed: exit status 4' });
  expect((await ask('GET', 'state')).text).not.toContain(id);
});

test('the streams of a task are in their files when it has ended', async () => {
  const cmd = 'echo out; echo err >&2; exit 1';
  const id = await submit({ user: 'kai', cmd, stdout: 'logs/', stderr: `${root}/shared.err` });

  expect(await waitFor(id)).toMatchObject({
    description: 'failed: exit status 1',
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await readFile(join(root, 'kai/logs', `${id}.out`), 'utf8')).toBe('out\n');
  expect(await readFile(join(root, 'shared.err'), 'utf8')).toBe('err\n');
});

test('of a stream that goes to /dev/null nothing is kept, and no path leads out of the directory', async () => {
  const before = await readdir(root, { recursive: true });
  const id = await submit({ user: 'ada', cmd: 'echo out; echo err >&2', stdout: '/dev/null' });

  expect(await waitFor(id)).toMatchObject({ code: '0', stdout: '', stderr: 'err\n' });
  for (const stdout of ['/etc/motd', '../kai/a', `${root}/../a`])
    expect(
      await ask('POST', 'submit', {
        body: JSON.stringify({ user: 'ada', cmd: 'true', stdout }),
        headers: { 'content-type': 'application/json' },
      }),
    ).toMatchObject({ status: 400, text: expect.stringMatching(/^stdout: expected a path/) });
  expect(await readdir(root, { recursive: true })).toEqual(before);
});

test('with a wrapping token a task reads a secret, which is masked in its output', async () => {
  const path = await operator.writeSecret('kv1', { password: 'CANARY-jobproxy' });
  const id = await submit({
    user: 'kai',
    cmd: 'cat /secrets.json',
    wrap_secret_id: await on.client.wrapSecretId(),
    secret_refs: [`password@${path}.password`],
    secret_file_type: 'json',
  });
  const { code, stdout } = await waitFor(id);

  expect({ code, secrets: JSON.parse(stdout) as object }).toEqual({
    code: '0',
    secrets: { TOKEN: '[secret]', password: '[secret]' },
  });
});

test('a task that asks for a mount, a port or more CPUs than is allowed is refused by name', async () => {
  const mounts = { mount: { host: '/etc', container: '/in', mode: 'ro' } };
  const body = JSON.stringify({
    user: 'kai',
    cores: 4096,
    container: { image, mounts, ports: { port: { host: 80, container: 80 } } },
  });
  const { status, text } = await ask('POST', 'submit', {
    body,
    headers: { 'content-type': 'application/json' },
  });

  expect(status).toBe(403);
  expect(text.split('\n')).toEqual([
    expect.stringMatching(/`container.ports`.*STINT_ALLOW_PORTS/),
    expect.stringMatching(/`container.mounts`.*STINT_ALLOW_MOUNTS/),
    expect.stringMatching(/`cores`.*STINT_JOB_CPUS_MAX/),
  ]);
});

const isTold = ({ description }: State) => /^running; ports: 80->\d{4,5}$/.test(description);

test('a port that the engine chose is told while the task runs', async () => {
  const ports = { port: { host: 0, container: 80 } };
  const id = await submit({ user: 'kai', cmd: 'echo begun; sleep 300', container: { image, ports } });

  expect(await waitFor(id, isTold)).toMatchObject({ code: 'running' });
  await ask('DELETE', `delete/${id}`);
});

const withoutIds = (said: string) => said.replaceAll(/[0-9a-f]{24}/g, 'ID').replaceAll('\n', '');

test('the calls of docs/jobproxy.md, typed as shown, answer as shown', async () => {
  const text = await readFile('docs/jobproxy.md', 'utf8');
  const [, calls = '', answers = ''] = /```sh\n(.*?)```\n\n```\n(.*?)```/s.exec(text) ?? [];
  const env = { ...process.env, STINT: on.stint.url, api_token: own };

  const { stdout } = await promisify(execFile)('bash', ['-euc', calls], { env });

  expect(withoutIds(stdout)).toBe(withoutIds(answers));
});
