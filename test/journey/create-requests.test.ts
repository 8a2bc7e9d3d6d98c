import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Arbitrary, sample } from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import type { CreateOptions } from '../../src/docker/container/container.js';
import { type Door, doors } from '../../src/job/job.js';
import { type Place, policiesOf } from '../../src/job/options/rules.js';
import { openStand } from '../faults/stand.js';
import { findOutside } from '../support/allowed-create.js';
import { rigPart } from '../support/rig-part.js';
import { wildBodies } from '../support/wild-bodies.js';
import { FaultProxy } from '../vault/fault-proxy.js';

/** Always the same bodies: where one of them fails, it fails again. */
const seed = 20_261_201;
/** Where most are refused, more. */
const amounts: Record<Door, number> = { gostint: 4, jobproxy: 40, runai: 12, gaffer: 8, lopco: 3 };

const root = await mkdtemp(join(tmpdir(), 'stint-wild-'));
await chmod(root, 0o755);
for (const folder of ['ref/a', 'scratch']) await mkdir(join(root, folder), { recursive: true });
const secretsDirectory = await mkdtemp('/dev/shm/stint-wild-');
const rules = join(root, 'rules.yml');
await writeFile(
  rules,
  `
- door: jobproxy
  ports: 18000-18009
  mounts: ${root}/ref, ${root}/scratch:rw
- door: runai
  users: [1000:100, 0:0]
  networks: host
  mounts: ${root}/ref
- door: gaffer
  users: 1000:2001
  capabilities: KILL
- door: lopco
  users: image
  volumes: stint-wild-cache:rw
`,
);
const settings = {
  STINT_ALLOW_RULES: rules,
  STINT_JOB_NETWORK: 'bridge',
  STINT_JOBPROXY_PULL_POLICY: 'Never',
  STINT_JOB_MEMORY_MAX: '2GiB',
  STINT_JOB_CPUS_MAX: '2',
  STINT_SECRETS_DIR: secretsDirectory,
  STINT_LOPCO_CACHE_VOLUME: 'stint-wild-cache',
  STINT_LOPCO_CALLBACK_URL: 'http://127.0.0.1:9',
};

const engine = await rigPart('engine');
const proxy = await FaultProxy.start(engine.dockerHost, join(root, 'engine.sock'));
const stand = await openStand({ engineAddress: proxy.address, settings });
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await stand.docker
    .getVolume('stint-wild-cache')
    .remove()
    .catch(() => undefined); // There may be none.
  for (const directory of [root, secretsDirectory]) await rm(directory, { recursive: true });
});

const token = await stand.client.minimalToken();
let named = 0;
const newName = () => {
  named += 1;
  return `wild${named}`;
};

/** Whether it was accepted. */
async function send(path: string, body: object, method = 'POST'): Promise<boolean> {
  const response = await fetch(`${stand.stint.url}${path}`, {
    method,
    headers: { 'x-vault-token': token, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.body?.cancel();
  expect(response.status).toBeLessThan(500);
  return response.ok;
}

/** Submits a body, changed so far that its job ends by itself. */
const submits: Record<Door, (body: object) => Promise<boolean>> = {
  gostint: async (body) => {
    const ends = { ...body, qname: newName(), run: ['true'], entrypoint: [] };
    const wrapped = { ...ends, wrap_secret_id: await stand.client.wrapSecretId() };
    const isTaken = await send('/v1/api/job', wrapped);
    await stand.submit({ ...ends, container_image: 'busybox:latest' }).catch(() => undefined); // Encrypted, it is looked at later.
    return isTaken;
  },
  jobproxy: (body) => send('/v1/jobproxy/submit', body),
  runai: ({ job }: { job?: object }) =>
    send('/api/v1/job', {
      job: { ...job, backoffLimit: 0, imagePullPolicy: 'Never', command: 'true', image: 'busybox:latest' },
    }),
  gaffer: async (body) => {
    const name = newName();
    const job = { ...body, name, cmd: 'true', image: 'busybox:latest', start: false };
    return (await send('/jobs/wild', job)) && (await send(`/jobs/wild/${name}/commit`, {}));
  },
  lopco: async (stage) => {
    const id = newName();
    await send(`/machine-registry/machines/${id}`, { name: id, pipeline_id: id }, 'PUT');
    if (!(await send(`/pipeline-registry/pipelines/${id}`, { name: id, stages: [stage] }, 'PUT')))
      return false;
    return send('/job-manager/jobs', { machine_id: id, hash: id, file_name: 'nothing' });
  },
};

async function submitAll(door: Door, bodies: Arbitrary<object>): Promise<number> {
  let taken = 0;
  for (const body of sample(bodies, { seed, numRuns: amounts[door] }))
    if (await submits[door](body)) taken += 1;
  return taken;
}

async function placeOf(job: string): Promise<Place> {
  const [row] = await stand.sql<Place[]>`select door, queue from jobs where id = ${job}`;
  if (row === undefined) throw new Error(`Expected a container of a job, got one of "${job}".`);
  return row;
}

const config = readConfig({
  STINT_DATABASE_URL: 'postgres://db',
  VAULT_ADDR: 'http://127.0.0.1:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'role',
  ...settings,
});
const policyFor = policiesOf(config.job.policy, config.job.rules);
/** stint's own: users, and secrets where there are any. */
const ownFiles = { kind: 'bind', source: secretsDirectory, readOnly: true } as const;

/** What is outside of what the rules allow to the door and queue of the job. */
async function findWrong(options: CreateOptions): Promise<string[]> {
  const { 'stint.job': job, 'stint.purpose': purpose } = options.Labels;
  if (job === undefined && purpose === 'image') {
    const { Image: _, Labels: __, ...rest } = options;
    const isIdle = JSON.stringify(rest) === idle;
    return isIdle ? [] : [`a look at an image: ${JSON.stringify(rest)}`];
  }
  const policy = policyFor(await placeOf(job ?? ''));
  return findOutside(options, { ...policy, mounts: [...policy.mounts, ownFiles] });
}

/** Of a container that is never started. */
const idle = JSON.stringify({ Entrypoint: ['/never-started'], HostConfig: { NetworkMode: 'none' } });

/** A loaded job of gaffer is a parent that stays. */
async function unfinished(): Promise<unknown[]> {
  const rows = await stand.sql`
    select id, door, state from jobs
    where state in ('queued', 'preparing', 'running', 'stopping') and not (is_parent and door = 'gaffer')`;
  return [...rows];
}

test('C6: whatever is submitted at all doors, the engine is asked for nothing outside of what the rules allow there', async () => {
  const bodies = wildBodies(['busybox:latest'], root);
  let taken = 0;
  for (const door of doors) taken += await submitAll(door, bodies[door]);
  await expect.poll(unfinished, { timeout: 90_000 }).toEqual([]);

  const creates = proxy.asked
    .filter(({ method, path }) => method === 'POST' && path.includes('/containers/create'))
    .map(({ body }) => JSON.parse(body) as CreateOptions);
  const wrong = await Promise.all(creates.map(findWrong));
  const jobs = creates.flatMap(({ Labels }) => Labels['stint.job'] ?? []);
  const places = await Promise.all(jobs.map(placeOf));

  expect(wrong.flat()).toEqual([]);
  expect([...new Set(places.map(({ door }) => door))].toSorted()).toEqual(doors.toSorted());
  expect(taken).toBeLessThan(Object.values(amounts).reduce((sum, amount) => sum + amount));
}, 150_000);
