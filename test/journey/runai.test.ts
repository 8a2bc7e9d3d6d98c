import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { RunaiClient } from './runai-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());

const run = promisify(execFile);
const operator = new VaultOperator(on.vault);
const clientOf = async (client: GostintClient) => new RunaiClient(on.stint.url, await client.minimalToken());
const runai = await clientOf(on.client);

const newProject = () => `p-${uniqueName().replaceAll(/[^a-z0-9]/g, '')}`;
const busybox = { image, imagePullPolicy: 'Never' };
const sleeper = { ...busybox, command: 'sleep 300' };

async function someoneElse(): Promise<RunaiClient> {
  const role = await operator.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
  return clientOf(await on.newClient(await GostintClient.logIn(on.vault.address, login)));
}

const isRunning = ({ status }: { status: string }) => status === 'Running';

test('a job runs without a Vault identity; its output and exit code are read at the main door', async () => {
  const project = newProject();
  const before = Date.now();

  const name = await runai.submit({
    ...busybox,
    project,
    jobNamePrefix: 'train',
    command: ['sh', '-c'],
    arguments: ['env; ls /secrets.yml; id -u; pwd; echo to-stderr >&2'],
    environment: { BATCH: 64, RATE: 0.05, DEBUG: false },
    workingDir: '/tmp',
  });
  const job = await runai.wait(project, name);

  expect(name).toMatch(/^train-\d+$/);
  expect(job).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{24}$/),
    project,
    name,
    status: 'Succeeded',
    type: 'Train',
    nodes: '',
    createdAt: expect.any(Number),
    images: image,
    user: 'ines',
    currentAllocatedGPUs: 0,
  });
  expect(job.createdAt).toBeGreaterThan(before - 60_000);
  const { output, stderr, return_code } = await on.client.get(job.id);
  expect(return_code).toBe(0);
  for (const line of [
    'BATCH=64',
    'RATE=0.05',
    'DEBUG=false',
    `JOB_NAME=${name}`,
    `JOB_UUID=${job.id}`,
    'POD_INDEX=0',
    '2001',
    '/tmp',
  ])
    expect(output.split('\n')).toContain(line);
  expect(output).toMatch(/POD_UUID=[0-9a-f-]{36}\n/);
  expect(output).not.toMatch(/VAULT_|TOKEN/);
  expect(stderr).toContain('/secrets.yml');
  expect(stderr).toContain('to-stderr');
});

test('a job that fails is `Failed`, and the main door tells its exit code', async () => {
  const project = newProject();

  const name = await runai.submit({ ...busybox, project, command: `sh -c 'exit 3'`, backoffLimit: 0 });
  const { id, status } = await runai.wait(project, name);

  expect(status).toBe('Failed');
  expect(await on.client.get(id)).toMatchObject({ status: 'failed', return_code: 3 });
});

test('a sweep runs each index once, two at a time, and its outputs are read under its own id', async () => {
  const project = newProject();
  const command = ['sh', '-c', 'echo index $POD_INDEX of $JOB_NAME'];

  const name = await runai.submit({ ...busybox, project, command, completions: 4, parallelism: 2 });
  const { id, status } = await runai.wait(project, name);

  expect(status).toBe('Succeeded');
  const { output, return_code } = await on.client.get(id);
  expect(return_code).toBe(0);
  const printed = output.split('\n').filter((line) => line.startsWith('index'));
  expect(printed.toSorted()).toEqual([0, 1, 2, 3].map((index) => `index ${index} of ${name}`));
  expect((await runai.list(project)).map((job) => job.id)).toEqual([id]);
  const [, child = ''] = /\[stint: job ([0-9a-f]{24}), succeeded\]/.exec(output) ?? [];
  expect(await on.client.stint('GET', `/stint/v1/jobs/${child}`)).toMatchObject({
    parent: id,
    is_parent: false,
  });
  expect(await on.client.stint('GET', `/stint/v1/jobs/${id}`)).toMatchObject({
    parent: null,
    is_parent: true,
  });
});

test('a sweep whose index fails twice fails after the second time, and says which', async () => {
  const project = newProject();
  const command = ['sh', '-c', 'test $POD_INDEX -ne 2 || exit 4'];

  const name = await runai.submit({
    ...busybox,
    project,
    command,
    completions: 4,
    parallelism: 2,
    backoffLimit: 1,
  });
  const { id, status } = await runai.wait(project, name);

  expect(status).toBe('Failed');
  const job = await on.client.get(id);
  expect(job).toMatchObject({ status: 'failed', return_code: 4 });
  expect(job.output).toMatch(/The run of index 2 did not succeed, and 1 may fail: .* exit code 4/);
}, 60_000);

const tokensOf = (output: string) =>
  [...output.matchAll(/backwards: (\S+)/g)].map(([, text = '']) => [...text].toReversed().join(''));

test('a sweep logs in once: all of its runs have its secrets and one token, which is revoked at the end', async () => {
  const project = newProject();
  const path = await operator.writeSecret('kv/data', { a: 'canary-a' });
  // Backwards, or it would be masked.
  const giveAway = 'echo "backwards: $(sed -n "s/^TOKEN: //p" /secrets.yml | rev)"';

  const name = await runai.submit({
    ...busybox,
    project,
    command: ['sh', '-c', `grep -c canary-a /secrets.yml; ${giveAway}; sleep 2`],
    completions: 3,
    parallelism: 2,
    wrap_secret_id: await on.client.wrapSecretId(),
    secret_refs: [`A@${path}.a`],
  });
  const { id } = await runai.wait(project, name, isRunning);
  await expect.poll(async () => tokensOf((await on.client.get(id)).output).length).toBeGreaterThan(0);
  const [token = ''] = tokensOf((await on.client.get(id)).output);
  expect(await operator.lookUp(token)).toMatchObject({ meta: { role_name: expect.any(String) } });

  const { status } = await runai.wait(project, name);

  const { output } = await on.client.get(id);
  expect([status, output.match(/^1$/gm)?.length]).toEqual(['Succeeded', 3]);
  expect(tokensOf(output)).toEqual([token, token, token]);
  await expect.poll(() => operator.lookUp(token)).toBeUndefined();
});

test('a sweep that is deleted has its runs killed, and starts no more', async () => {
  const project = newProject();
  const name = await runai.submit({ ...sleeper, project, completions: 9, parallelism: 2 });
  const { id, nodes } = await runai.wait(project, name, isRunning);
  expect(nodes).toMatch(/^[0-9a-f-]{36}$/);

  expect(await runai.remove({ project, name })).toEqual([{ name, ok: true }]);

  await expect.poll(async () => (await on.client.get(id)).status).toBe('failed');
  const { body } = await runai.ask('GET', `/api/v1/job/${project}/${id}`);
  expect(body).toMatchObject({ data: [{ id, status: 'Failed', nodes: [] }] });
});

test('a job with a wrapping token has its secrets', async () => {
  const project = newProject();
  const path = await operator.writeSecret('kv/data', { a: 'canary-a' });

  const name = await runai.submit({
    ...busybox,
    project,
    command: 'sh -c',
    arguments: [`grep -o '"A":.*"canary' /secrets.json`],
    wrap_secret_id: await on.client.wrapSecretId(),
    secret_refs: [`A@${path}.a`],
    secret_file_type: 'json',
  });

  expect(await runai.wait(project, name)).toMatchObject({ status: 'Succeeded' });
});

test('a running job is deleted: it ends, its name is free at once, its record stays at the main door', async () => {
  const project = newProject();
  const job = { ...sleeper, project, name: 'lab', interactive: true };
  await runai.submit(job);
  const { id, type, nodes } = await runai.wait(project, 'lab', isRunning);
  expect({ type, hasNode: nodes !== '' }).toEqual({ type: 'Interactive', hasNode: true });
  expect((await runai.ask('POST', '/api/job', { body: { job } })).status).toBe(409);

  const answer = await runai.remove({ name: 'lab', project }, { name: 'ghost', project });

  expect(answer).toEqual([
    { name: 'lab', ok: true },
    {
      name: 'ghost',
      ok: false,
      error: { status: 404, message: 'job not found', details: `${project}/ghost` },
    },
  ]);
  expect(await runai.list(project)).toEqual([]);
  expect(await runai.submit(job)).toBe('lab');
  await on.client.wait(id);
  expect(await on.client.get(id)).toMatchObject({ status: 'failed', kill_requested: true });
  expect(await runai.ask('GET', `/api/v1/job/${project}/${id}`)).toMatchObject({
    status: 200,
    body: { data: [{ id, name: 'lab', status: 'Failed' }] },
  });
  await runai.remove({ name: 'lab', project });
});

test('the listing of a job ends with its time to live, and the job stays at the main door', async () => {
  const project = newProject();
  const job = { ...sleeper, project, name: 'short', ttlAfterFinish: '0s' };
  await runai.submit(job);
  const { id } = await runai.wait(project, 'short', isRunning);

  await on.client.kill(id);
  const ended = await on.client.wait(id);

  expect(ended.status).toBe('failed');
  expect(await runai.list(project)).toEqual([]);
  expect((await runai.ask('GET', `/api/v1/job/${project}/short`)).status).toBe(404);
  expect(await runai.submit({ ...job, command: 'true', ttlAfterFinish: '1h' })).toBe('short');
  expect(await runai.wait(project, 'short')).toMatchObject({ status: 'Succeeded' });
});

test('a submit that is repeated under its key makes one job', async () => {
  const project = newProject();
  const job = { ...busybox, project, command: 'true' };
  const headers = { 'Idempotency-Key': project };

  const names = [await runai.submit(job, headers), await runai.submit(job, headers)];
  const again = await runai.ask('POST', '/api/v1/jobs', { body: { job }, headers });

  expect(new Set(names).size).toBe(1);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await runai.list(project)).toHaveLength(1);
  const other = await runai.ask('POST', '/api/job', { body: { job: { ...job, command: 'false' } }, headers });
  expect(other.status).toBe(422);
});

test('to a stranger the job looks missing, its name is free, and it runs on', async () => {
  const project = newProject();
  await runai.submit({ ...sleeper, project, name: 'mine' });
  const { id } = await runai.wait(project, 'mine', isRunning);
  const other = await someoneElse();

  expect(await other.list(project)).toEqual([]);
  expect((await other.ask('GET', `/api/v1/job/${project}/mine`)).status).toBe(404);
  expect((await other.ask('GET', `/api/v1/job/${project}/${id}`)).status).toBe(404);
  expect(await other.remove({ name: 'mine', project }, { name: id, project })).toMatchObject([
    { ok: false, error: { status: 404 } },
    { ok: false, error: { status: 404 } },
  ]);
  expect(await other.submit({ ...busybox, project, name: 'mine', command: 'true' })).toBe('mine');

  expect(await on.client.get(id)).toMatchObject({ status: 'running', kill_requested: false });
  await runai.remove({ name: 'mine', project });
});

test('a job of the main door is shown by its id in the words of this one', async () => {
  const id = await on.client.submit({ qname: uniqueName(), container_image: image, run: ['true'] });
  await on.client.wait(id);

  expect(await runai.ask('GET', `/researcher/api/v1/jobs/any/${id}`)).toMatchObject({
    status: 200,
    body: { data: [{ id, project: '', name: '', status: 'Succeeded', images: image, nodes: [] }] },
  });
});

test('a refused submit says what was wrong, and leaves nothing', async () => {
  const project = newProject();

  expect(await runai.ask('POST', '/api/job', { body: { job: { project, image, gpu: 1.5 } } })).toMatchObject({
    status: 400,
    body: { status: 400, details: 'gpu must be a whole number or below 1, got 1.5.' },
  });
  expect(await runai.list(project)).toEqual([]);
});

test('the calls of docs/runai.md work as they are typed, and answer what is shown', async () => {
  const doc = readFileSync('docs/runai.md', 'utf8');
  const blocks = (kind: string) =>
    [...doc.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
  const env = { ...process.env, STINT: on.stint.url, TOKEN: await on.client.minimalToken() };

  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', blocks('sh').join('\n')], { env });

  expect(blocks('sh')).toHaveLength(2);
  expect(stdout.trim().split('\n').flatMap(splitJson)).toEqual(blocks('json').join('').trim().split('\n'));
});

/** Answers end without a line break: the next one may follow at once. */
function splitJson(line: string): string[] {
  return line.replaceAll(/(?<=[\]}])(?=[[{]"name")/g, '\n').split('\n');
}
