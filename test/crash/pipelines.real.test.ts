import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { waitForNothingLeft } from '../../bench/chaos/history/left-behind.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { openRoadToStint } from '../../rig/stint/road.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { Closers } from '../../src/server/closers.js';
import { DataCache } from '../journey/data-cache.js';
import { LopcoClient, type LopcoJob } from '../journey/lopco-client.js';
import { buildWorkers, stageOf } from '../journey/lopco-workers.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);
await buildWorkers(docker, ['split', 'shout', 'merge']);

/** Everything that a pipeline of three stages needs and that survives the nodes. */
async function openPipelineStage() {
  const closers = new Closers();
  const stage = closers.add(await openCrashStage());
  const cache = new DataCache(docker);
  closers.add({ [Symbol.asyncDispose]: () => cache.remove() });
  const road = closers.add(await openRoadToStint(docker, engine.socketPath));
  const settings = {
    STINT_LOPCO_CALLBACK_URL: road.url,
    STINT_LOPCO_CACHE_VOLUME: cache.volume,
    STINT_LOPCO_CLEAN_UP_IMAGE: image,
    STINT_ALLOW_VOLUMES: `${cache.volume}:rw`,
    STINT_ALLOW_USERS: 'image',
    STINT_JOB_NETWORK: 'bridge',
  };
  const start = async (node: string, more: Readonly<Record<string, string>> = {}) => {
    const stint = await stage.start(node, { ...settings, ...more });
    road.leadTo(stint.url);
    return stint;
  };
  return { stage, cache, start, [Symbol.asyncDispose]: () => closers.close() };
}

async function clientOf(stage: CrashStage, stint: StintServer): Promise<LopcoClient> {
  return new LopcoClient(stint.url, await (await stage.clientOf(stint)).minimalToken());
}

const stages = [
  stageOf('split', { source_table: 'init_source' }, { configs: { delimiter: ';' } }),
  stageOf('shout', { table: 'result_table' }),
  stageOf('merge', { source_file: 'csv', origin: '0:init_source' }, { type: 'multiple' }),
];

/** The name of the job's file. The server may be killed while it answers. */
async function submit(lopco: LopcoClient, cache: DataCache): Promise<string> {
  const file = randomUUID();
  await cache.write(file, 'alpha\nbeta\n');
  const machine = await lopco.register(...stages);
  await lopco.submit(machine, file).catch(() => undefined);
  return file;
}

/** Of the only job, active or ended. */
async function idOf(lopco: LopcoClient): Promise<string> {
  const paths = ['/job-manager/jobs', '/job-manager/history'];
  const [active, ended] = (await Promise.all(paths.map((path) => lopco.read(path)))) as [string[], string[]];
  return active[0] ?? ended[0] ?? 'not there';
}

function checkJob(job: LopcoJob, file: string): void {
  expect(job).toMatchObject({
    status: 'finished',
    stages: [
      { id: 'init', outputs: [{ init_source: file }] },
      { id: 'split', log: expect.stringContaining('splitting by ;\n') },
      { id: 'shout', log: expect.stringMatching(/shouting ALPHA\n.*shouting BETA\n/s) },
      { id: 'merge', outputs: [null], log: expect.stringContaining(`from ${file}\nALPHA\nBETA\n`) },
    ],
  });
}

async function checkAftermath({ sql, engine: { events }, places }: CrashStage, cache: DataCache) {
  const jobs = await sql<{ id: string; kind: string }[]>`select id, job_kind as kind from jobs order by seq`;
  expect(jobs.map(({ kind }) => kind)).toEqual(['pipeline', ...Array(4).fill('worker'), 'clean-up']);
  for (const { id } of jobs) {
    const starts = events.filter(({ jobId, action }) => jobId === id && action === 'start');
    expect(starts.length).toBeLessThanOrEqual(1);
  }
  const jobIds = jobs.map(({ id }) => id);
  const { containers, hostFiles, requestRows } = await waitForNothingLeft({ ...places, jobIds }, 45_000);
  expect({ containers, hostFiles, requestRows }).toEqual({ containers: [], hostFiles: [], requestRows: [] });
  expect(await cache.list()).toEqual([]);
}

// While it is submitted; before and after its workers start; around the ends of workers whose results are known.
test.concurrent.each([
  'before-step=kill',
  'before-step=kill@3',
  'before-step=kill@7',
  'after-claim=kill@2',
  'after-start=kill',
  'after-start=kill@4',
  'after-container-removed=kill@2',
  'before-record=kill@3',
  'after-record=kill@4',
])(
  'Q1: a pipeline of three stages goes on where its node was killed at %s: every worker runs once',
  async (failpoints) => {
    await using ground = await openPipelineStage();
    const { stage, cache, start } = ground;
    await using stint = await start('A', { STINT_FAILPOINTS: failpoints });
    const lopco = await clientOf(stage, stint);
    const file = await submit(lopco, cache);
    await stint.gone(60_000);

    await using next = await start('A');
    lopco.stint = next.url;
    checkJob(await lopco.wait(await idOf(lopco), 120_000), file);
    await checkAftermath(stage, cache);
    expect(next.exitCode()).toBeUndefined();
  },
  240_000,
);

test.concurrent('Q1: a result that a worker repeats while stint is away is not lost', async () => {
  await using ground = await openPipelineStage();
  const { stage, cache, start } = ground;
  await using stint = await start('A', { STINT_FAILPOINTS: 'after-start=stop@4' });
  const lopco = await clientOf(stage, stint);
  const file = await submit(lopco, cache);
  const id = await idOf(lopco);
  await vi.waitFor(async () => expect(await isMergeCallingBack(stage)).toBe(true), {
    timeout: 30_000,
    interval: 100,
  });
  stint.signal('SIGKILL');
  await stint.gone(10_000);

  await using next = await start('A');
  lopco.stint = next.url;
  checkJob(await lopco.wait(id, 120_000), file);
  await checkAftermath(stage, cache);
}, 240_000);

/** The merging worker of this stage has printed all, and gets no answer. Other tests have such workers too. */
async function isMergeCallingBack({ sql }: CrashStage): Promise<boolean> {
  const jobs = await sql<{ id: string }[]>`select id from jobs`;
  const found = await docker.listContainers({ filters: { label: ['stint.job'] } });
  const own = found.filter(({ Labels }) => jobs.some(({ id }) => id === Labels['stint.job']));
  const logs = await Promise.all(
    own.map(({ Id }) => docker.getContainer(Id).logs({ stdout: true, follow: false })),
  );
  return logs.some((log) => log.includes('BETA') && log.includes('merging'));
}
