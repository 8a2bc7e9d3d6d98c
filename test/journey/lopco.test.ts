import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { buildImage } from '../../rig/engine/image.js';
import { openRoadToStint } from '../../rig/stint/road.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { rigPart } from '../support/rig-part.js';
import { DataCache } from './data-cache.js';
import { LopcoClient } from './lopco-client.js';
import { buildWorkers, stageOf } from './lopco-workers.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const run = promisify(execFile);
const { dockerHost, socketPath } = await rigPart('engine');
const docker = connectDocker(dockerHost);
const cache = new DataCache(docker);
const road = await openRoadToStint(docker, socketPath);
const on = await startStintOnRig({
  STINT_LOPCO_CALLBACK_URL: road.url,
  STINT_LOPCO_CACHE_VOLUME: cache.volume,
  STINT_LOPCO_CLEAN_UP_IMAGE: image,
  STINT_LOPCO_PARALLEL: '2',
  STINT_ALLOW_VOLUMES: `${cache.volume}:rw`,
  STINT_ALLOW_USERS: 'image',
  STINT_JOB_NETWORK: 'bridge',
});
road.leadTo(on.stint.url);
await buildWorkers(docker, ['split', 'shout', 'merge', 'linger', 'wait', 'secret', 'fail', 'silent']);
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await road[Symbol.asyncDispose]();
  await cache.remove();
});

const lopco = new LopcoClient(on.stint.url, await on.client.minimalToken());

test('a file goes through split, work on each part, and merge; then its files are removed', async () => {
  const file = randomUUID();
  await cache.write(file, 'alpha\nbeta\n');
  const machine = await lopco.register(
    stageOf('split', { source_table: 'init_source' }, { configs: { delimiter: ';', unused: null } }),
    stageOf('shout', { table: '1:result_table' }),
    stageOf('merge', { source_file: 'csv', origin: '0:init_source' }, { type: 'multiple' }),
  );

  const id = await lopco.submit(machine, file);
  expect(await lopco.submit(machine, file)).toBe(id);
  const job = await lopco.wait(id);

  expect(job).toMatchObject({
    machine_id: machine,
    status: 'finished',
    stages: [
      { id: 'init', outputs: [{ init_source: file }] },
      { id: 'split', inputs: [{ source_table: file }], log: 'splitting by ;\n' },
      { id: 'shout', log: 'shouting ALPHA\nshouting BETA\n' },
      { id: 'merge', outputs: [null], log: `merging what came from ${file}\nALPHA\nBETA\n` },
    ],
  });
  expect(job.stages[1]?.outputs.map((output) => output?.unique_id)).toEqual(['1', '2']);
  expect(job.stages[3]?.inputs).toEqual([
    { _0_origin: file, _0_source_file: job.stages[2]?.outputs[0]?.csv },
    { _1_origin: file, _1_source_file: job.stages[2]?.outputs[1]?.csv },
  ]);
  expect(await lopco.read(`/job-manager/jobs/${id}`)).toBe(404);
  expect(await lopco.read('/job-manager/jobs')).not.toContain(id);
  expect(await lopco.read('/job-manager/history')).toContain(id);
  expect(await cache.list()).not.toEqual(expect.arrayContaining([expect.stringMatching(/part|loud/)]));
  expect(await cache.list()).not.toContain(file);
});

test('a worker that has called back is stopped, and its job goes on', async () => {
  const id = await lopco.submit(await lopco.register(stageOf('linger', { a: 'init_source' })));

  expect(await lopco.wait(id)).toMatchObject({ status: 'finished', stages: [{}, { log: 'lingering\n' }] });
});

test('a worker that fails ends its job, and the log says why', async () => {
  const id = await lopco.submit(
    await lopco.register(stageOf('fail', { a: 'init_source' }), stageOf('wait', { a: 'init_source' })),
  );

  expect(await lopco.wait(id)).toMatchObject({
    status: 'failed',
    stages: [
      {},
      {
        id: 'fail',
        outputs: [],
        log: 'failing\nThe worker ended without a result. The job ended with exit code 3.\n',
      },
    ],
  });
});

test('a worker that ends well without a result is waited for a while', async () => {
  const id = await lopco.submit(await lopco.register(stageOf('silent', { a: 'init_source' })));

  expect((await lopco.wait(id)).stages[1]?.log).toBe(
    'silent\nThe worker ended without a result: it did not call back.\n',
  );
});

test('a job of an unknown machine fails, and says so', async () => {
  const id = await lopco.submit(`unknown-${randomUUID()}`);

  expect(await lopco.wait(id)).toMatchObject({
    status: 'failed',
    pipeline_id: null,
    stages: [{ id: 'init', log: expect.stringContaining('is not registered') }],
  });
});

test('two jobs run at once and the third waits; aborted, they end at once', async () => {
  const machine = await lopco.register(stageOf('wait', { a: 'init_source' }));
  const ids: string[] = [];
  for (const file of ['one', 'two', 'three']) ids.push(await lopco.submit(machine, file));
  await cache.write('three', 'waits');
  const [first = '', second = '', third = ''] = ids;
  for (const id of [first, second]) await lopco.waitActive(id, ({ status }) => status === 'running');

  expect(await lopco.read(`/job-manager/jobs/${third}`)).toMatchObject({ status: 'pending' });
  expect(await lopco.read('/job-manager/jobs')).toEqual([third, second, first]);

  expect(await lopco.abort(third)).toBe(200);
  expect(await lopco.wait(third)).toMatchObject({ status: 'aborted' });
  expect(await cache.list()).not.toContain('three');
  for (const id of [first, second]) expect(await lopco.abort(id)).toBe(200);
  for (const id of [first, second]) expect(await lopco.wait(id)).toMatchObject({ status: 'aborted' });
  expect(await lopco.abort(first)).toBe(404);
});

test('an aborted job leaves none of its files in the data cache, and is aborted when they are gone', async () => {
  const machine = await lopco.register(
    stageOf('split', { source_table: 'init_source' }),
    stageOf('wait', { a: '1:unique_id' }),
  );
  await cache.write('cut-short', 'one\ntwo\n');
  const before = await cache.list();
  const id = await lopco.submit(machine, 'cut-short');
  await lopco.waitActive(id, ({ stages }) => stages.length === 2);
  expect((await cache.list()).filter((name) => !before.includes(name))).toHaveLength(2);

  expect(await lopco.abort(id)).toBe(200);

  expect(await lopco.wait(id)).toMatchObject({ status: 'aborted' });
  expect(await cache.list()).toEqual(before.filter((name) => name !== 'cut-short'));
});

test('a job that has ended runs again under the same id; its former run stays readable meanwhile', async () => {
  const machine = await lopco.register(stageOf('wait', { a: 'init_source' }));
  const id = await lopco.submit(machine);
  await lopco.abort(id);
  await lopco.wait(id);

  expect(await lopco.submit(machine)).toBe(id);

  expect(await lopco.read(`/job-manager/history/${id}`)).toMatchObject({ status: 'aborted' });
  expect(await lopco.read(`/job-manager/jobs/${id}`)).toMatchObject({
    status: expect.stringMatching(/ing$/),
  });
  await lopco.abort(id);
});

test('the workers of a job read their secrets with one login', async () => {
  const operator = new VaultOperator(on.vault);
  const path = await operator.writeSecret('kv/data', { word: 'correct-horse-battery' });
  const stage = stageOf('secret', { a: '0:init_source' });
  const machine = await lopco.register(stage, stage);
  await cache.write('with-secrets', 'data');
  const { status, text: id } = await lopco.ask('POST', '/job-manager/jobs', {
    machine_id: machine,
    hash: 'x',
    file_name: 'with-secrets',
    wrap_secret_id: await on.client.wrapSecretId(),
    secret_refs: [`WORD@${path}.word`],
  });

  expect(status).toBe(200);
  expect(await lopco.wait(id)).toMatchObject({
    status: 'finished',
    stages: [{}, { log: 'WORD: [secret]\n' }, { log: 'WORD: [secret]\n' }],
  });
  expect(await cache.list()).not.toContain('with-secrets');
});

test('nobody sees the jobs and documents of somebody else', async () => {
  const operator = new VaultOperator(on.vault);
  const role = await operator.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
  const stranger = await on.newClient(await GostintClient.logIn(on.vault.address, login));
  const theirs = new LopcoClient(on.stint.url, await stranger.minimalToken());
  const machine = await lopco.register(stageOf('wait', { a: 'init_source' }));
  const id = await lopco.submit(machine);

  expect(await theirs.read(`/job-manager/jobs/${id}`)).toBe(404);
  expect(await theirs.abort(id)).toBe(404);
  expect(await theirs.read('/job-manager/jobs')).toEqual([]);
  expect(await theirs.read(`/machine-registry/machines/${machine}`)).toBe(404);
  await lopco.abort(id);
  await lopco.wait(id);
});

test('a pipeline and its workers are jobs at the main door, each with its own output', async () => {
  const lopcoId = await lopco.submit(await lopco.register(stageOf('linger', { a: 'init_source' })));
  await lopco.wait(lopcoId);

  const { data } = (await on.client.stint('GET', '/v1/api/job?limit=3')) as { data: { _id: string }[] };
  const [cleanUp = '', worker = '', pipeline = ''] = data.map(({ _id: id }) => id);

  expect(await on.client.get(pipeline)).toMatchObject({
    status: 'success',
    return_code: 0,
    output: expect.stringContaining('lingering'),
  });
  expect(await on.client.get(worker)).toMatchObject({ status: 'failed', output: 'lingering\n' });
  expect(await on.client.get(cleanUp)).toMatchObject({ status: 'success', output: '' });
  expect(await lopco.read(`/job-manager/history/${pipeline}`)).toEqual(
    await lopco.read(`/job-manager/history/${lopcoId}`),
  );
});

test('the calls of docs/lopco.md work as they are typed, and answer what is shown', async () => {
  const doc = readFileSync('docs/lopco.md', 'utf8');
  const block = (kind: string) => new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'ms').exec(doc)?.[1] ?? '';
  await buildImage(docker, { tag: 'lopco/count:1', cmd: ['sh', '-c', block('worker')] });
  await cache.write('upload-7', 'first\nsecond\n');
  const env = { ...process.env, STINT: on.stint.url, TOKEN: await on.client.minimalToken() };

  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', block('sh')], { env });

  expect(stdout).toBe(block('text'));
});
