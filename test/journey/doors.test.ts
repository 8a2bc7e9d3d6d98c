import { afterAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../rig/engine/docker.js';
import { openRoadToStint } from '../../rig/stint/road.js';
import { rigPart } from '../support/rig-part.js';
import { DataCache } from './data-cache.js';
import { GafferClient } from './gaffer-client.js';
import { LopcoClient } from './lopco-client.js';
import { buildWorkers, stageOf } from './lopco-workers.js';
import { RunaiClient } from './runai-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

// One story through all doors: the same job is submitted at each of them and read at each of the others.

const { dockerHost, socketPath } = await rigPart('engine');
const docker = connectDocker(dockerHost);
const cache = new DataCache(docker);
const road = await openRoadToStint(docker, socketPath);
const on = await startStintOnRig({
  STINT_JOBPROXY_PULL_POLICY: 'IfNotPresent',
  STINT_LOPCO_CALLBACK_URL: road.url,
  STINT_LOPCO_CACHE_VOLUME: cache.volume,
  STINT_ALLOW_VOLUMES: `${cache.volume}:rw`,
  STINT_ALLOW_USERS: 'image',
  STINT_JOB_NETWORK: 'bridge',
});
road.leadTo(on.stint.url);
await buildWorkers(docker, ['told']);
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await road[Symbol.asyncDispose]();
  await cache.remove();
});

const operator = new VaultOperator(on.vault);
const token = await on.client.minimalToken();
const runai = new RunaiClient(on.stint.url, token);
const gaffer = new GafferClient(on.stint.url, token);
const lopco = new LopcoClient(on.stint.url, token);
const project = 'conformance';

interface Job {
  readonly script: string;
  readonly secrets?: { readonly wrap_secret_id: string; readonly secret_refs: readonly string[] };
}

/** Of a worker that failed instead of calling back. */
const why = '[stint: The worker ended without a result. The job ended with exit code 3.]';

const command = (script: string) => ['sh', '-c', script];

async function jobproxy(path: string, init: RequestInit = {}): Promise<string> {
  const headers = { 'x-vault-token': token, 'content-type': 'application/json' };
  const response = await fetch(`${on.stint.url}/v1/jobproxy/${path}`, { headers, ...init });
  return await response.text();
}

/** Submits at a door and returns the id of the job. */
const submitAt: Readonly<Record<string, (job: Job) => Promise<string>>> = {
  gostint: async ({ script, secrets }) => {
    const payload = {
      container_image: image,
      run: command(script),
      secret_refs: [...(secrets?.secret_refs ?? [])],
    };
    return await on.client.submit(payload);
  },
  jobproxy: async ({ script, secrets }) => {
    const task = { user: 'ines', cmd: command(script), container: { image }, ...secrets };
    return await jobproxy('submit', { method: 'POST', body: JSON.stringify(task) });
  },
  runai: async ({ script, secrets }) => {
    const job = {
      project,
      image,
      imagePullPolicy: 'Never',
      command: command(script),
      backoffLimit: 0,
      ...secrets,
    };
    const name = await runai.submit(job);
    return (await runai.list(project)).find((each) => each.name === name)?.id ?? 'not listed';
  },
  gaffer: async ({ script, secrets }) => {
    const label = uniqueName().replaceAll(/[^a-z0-9]/g, '');
    const job = { name: label, image, cmd: 'sh -c', args: [script], start: false, ...secrets };
    await gaffer.load(project, job);
    return (await gaffer.ask('POST', `/jobs/${project}/${label}/commit`)).jobId;
  },
  /** A pipeline of one worker, which is what there is to see of it elsewhere. */
  lopco: async ({ script, secrets }) => {
    const machine = await lopco.register(stageOf('told', { a: 'init_source' }, { configs: { script } }));
    const body = { machine_id: machine, hash: '0', file_name: 'nothing', ...secrets };
    return (await lopco.ask('POST', '/job-manager/jobs', body)).jobId;
  },
};

async function newestJob(): Promise<string> {
  const { data } = (await on.client.stint('GET', '/v1/api/job?limit=1')) as { data: { _id: string }[] };
  const [{ _id: id } = { _id: 'no job' }] = data;
  return id;
}

/** What each door says of a job, whichever took it. */
async function seenAtAllDoors(id: string) {
  const { status, return_code, output } = await on.client.get(id);
  const task = JSON.parse(await jobproxy(`state/${id}`)) as Record<string, string>;
  const { body } = await runai.ask('GET', `/api/v1/job/${project}/${id}`);
  const [listed] = (body as { data: { status: string }[] }).data;
  const { body: isAlive } = await gaffer.ask('GET', `/jobs/${project}/${id}/state`);
  const ended = (await lopco.read(`/job-manager/history/${id}`)) as { status: string };
  // Two streams have no order between them.
  const lines = output
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
  return {
    gostint: { status, return_code, lines },
    jobproxy: task,
    runai: { status: listed?.status },
    gaffer: isAlive,
    lopco: { status: ended.status },
  };
}

describe.each(Object.keys(submitAt))('a job that was submitted at the door of %s', (door) => {
  const submit = async (job: Job) => (await submitAt[door]?.(job)) ?? 'no such door';

  test('prints on both streams and exits with 3 at every door', async () => {
    const id = await submit({ script: 'echo out; echo err >&2; exit 3' });
    await on.client.wait(id);

    expect(await seenAtAllDoors(id)).toEqual({
      gostint: {
        status: 'failed',
        return_code: 3,
        lines: [...(door === 'lopco' ? [why] : []), 'err', 'out'],
      },
      jobproxy: { id, code: '3', description: 'failed: exit status 3', stdout: 'out\n', stderr: 'err\n' },
      runai: { status: 'Failed' },
      gaffer: '0',
      lopco: { status: 'failed' },
    });
  });

  test('reads its secret, which no door shows', async () => {
    const path = await operator.writeSecret('kv/data', { word: 'correct-horse-battery' });
    const secrets = { wrap_secret_id: await on.client.wrapSecretId(), secret_refs: [`WORD@${path}.word`] };

    const id = await submit({ script: 'grep WORD /secrets.yml', secrets });
    await on.client.wait(id);

    expect(await seenAtAllDoors(id)).toEqual({
      gostint: { status: 'success', return_code: 0, lines: ['WORD: [secret]'] },
      jobproxy: { id, code: '0', description: 'succeeded', stdout: 'WORD: [secret]\n', stderr: '' },
      runai: { status: 'Succeeded' },
      gaffer: '0',
      lopco: { status: 'finished' },
    });
  });

  test('is killed at the main door, and says so at every door', async () => {
    const id = await submit({ script: 'trap "exit 143" TERM; echo up; while true; do sleep 0.1; done' });
    await expect.poll(async () => (await on.client.get(id)).output, { timeout: 30_000 }).toBe('up\n');

    await on.client.kill(id);
    await on.client.wait(id);

    // A pipeline that is killed has no exit code: its workers have.
    const codes = door === 'lopco' ? { gostint: 125, jobproxy: '1' } : { gostint: 143, jobproxy: '143' };
    expect(await seenAtAllDoors(id)).toMatchObject({
      gostint: { status: 'failed', return_code: codes.gostint },
      jobproxy: { code: codes.jobproxy, description: 'canceled' },
      runai: { status: 'Failed' },
      gaffer: '0',
      lopco: { status: 'aborted' },
    });
  });

  test('is lost where somebody removes its container, and is no success at any door', async () => {
    const id = await submit({ script: 'echo up; sleep 300' });
    await expect.poll(async () => (await on.client.get(id)).output, { timeout: 30_000 }).toBe('up\n');

    const ran = door === 'lopco' ? await newestJob() : id; // A pipeline has no container of its own.
    await on.docker.getContainer((await on.client.get(ran)).container_id).remove({ force: true });
    await on.client.wait(id);

    // A worker may have called back before it was lost: its pipeline waits for that, and fails.
    const [status, runaiStatus] = door === 'lopco' ? ['failed', 'Failed'] : ['unknown', 'Unknown'];
    expect(await seenAtAllDoors(id)).toMatchObject({
      gostint: { status, return_code: 125 },
      jobproxy: { code: '1', description: expect.stringContaining(door === 'lopco' ? 'lost' : 'lost: ') },
      runai: { status: runaiStatus },
      gaffer: '0',
      lopco: { status: 'failed' },
    });
  });
});

test('a client that sends no header submits and reads its job with the token of the service, where that is set', async () => {
  const service = await on.client.minimalToken();
  await using open = await startStintOnRig({
    STINT_SERVICE_TOKEN: service,
    STINT_SERVICE_DOORS: 'jobproxy',
    STINT_SERVICE_NETWORKS: '127.0.0.0/8,::1',
    STINT_JOBPROXY_PULL_POLICY: 'Never',
  });
  const task = { user: 'ines', cmd: ['true'], container: { image } };
  const headers = { 'content-type': 'application/json' };
  const post = (url: string) =>
    fetch(`${url}/v1/jobproxy/submit`, { method: 'POST', headers, body: JSON.stringify(task) });

  const answer = await post(open.stint.url);
  expect(answer.status).toBe(200);
  const id = await answer.text();
  await expect
    .poll(async () => (await (await fetch(`${open.stint.url}/v1/jobproxy/state/${id}`)).json()) as object)
    .toMatchObject({ code: '0' });
  expect((await post(on.stint.url)).status).toBe(401);
  expect((await fetch(`${open.stint.url}/api/job`)).status).toBe(401);
});
