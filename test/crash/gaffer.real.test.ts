import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectJobs } from '../../bench/chaos/history/collect.js';
import { waitForNothingLeft } from '../../bench/chaos/history/left-behind.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { GafferClient } from '../journey/gaffer-client.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);

/** What a node left that is gone is removed by the reaper of another that has the same engine. */
const settings = { STINT_GAFFER_IMAGE: image, STINT_SLOTS: '8', STINT_REAP_GRACE: '1s' };
const copies = 3;
const supervised = {
  name: 'web',
  cmd: `sh -c 'echo up; exec sleep 300'`,
  numprocesses: copies,
  graceful_timeout: 1,
};

async function start(stage: CrashStage, node: string, failpoints = ''): Promise<StintServer> {
  return stage.start(node, { ...settings, ...(failpoints !== '' && { STINT_FAILPOINTS: failpoints }) });
}

async function clientOf(stage: CrashStage, stint: StintServer): Promise<GafferClient> {
  return new GafferClient(stint.url, await (await stage.clientOf(stint)).minimalToken());
}

/** Ids of the jobs whose containers run. */
async function running(stage: CrashStage): Promise<string[]> {
  const jobs = await stage.sql<{ id: string }[]>`select id from jobs where door = 'gaffer' and not is_parent`;
  const listed = await docker.listContainers({ filters: { label: ['stint.job'] } });
  const ids = listed.map(({ Labels }) => Labels['stint.job'] ?? '');
  return ids.filter((id) => jobs.some((job) => job.id === id));
}

/** The children that are active, as the database has them. */
async function active(stage: CrashStage): Promise<string[]> {
  const rows = await stage.sql<{ id: string }[]>`
    select id from jobs where door = 'gaffer' and not is_parent and kill_requested_at is null and state = 'running'`;
  return rows.map(({ id }) => id);
}

/** Reads until it is so; a concurrent test has no `expect.poll`. Resolves to what was read last. */
async function poll<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const value = await read();
    if (isSo(value) || Date.now() > deadline) return value;
    await delay(200);
  }
}

const isAll = (ids: readonly unknown[]) => ids.length === copies;

const heldByTheDead = ({ sql }: CrashStage) => sql`
  select id from jobs
  where state in ('preparing', 'running', 'stopping') and node <> (select id from nodes order by seen_at desc limit 1)`;

/** Three processes are there, each with one container, and no other container runs. Resolves to their pids. */
async function checkSession(stage: CrashStage, gaffer: GafferClient): Promise<readonly number[]> {
  expect(await poll(() => gaffer.pids('shop.web'), isAll)).toHaveLength(copies);
  const read = async () => (await Promise.all([active(stage), running(stage)])).map((ids) => ids.toSorted());
  const [jobs, containers] = await poll(
    read,
    ([one = [], other]) => isAll(one) && one.join() === other?.join(),
  );
  expect(jobs).toHaveLength(copies);
  expect(containers).toEqual(jobs);
  expect(await gaffer.info('shop.web')).toMatchObject({ running: copies, max_processes: copies });
  return gaffer.pids('shop.web');
}

/** Nothing twice, nothing left. */
async function checkAftermath(stage: CrashStage, gaffer: GafferClient): Promise<void> {
  await gaffer.unload('shop.web');
  const open = () => stage.sql`select id from jobs where finished_at is null`;
  expect(await poll(open, (rows) => rows.length === 0)).toEqual([]);
  const jobIds = (await collectJobs(stage.sql)).map(({ id }) => id);
  const left = await waitForNothingLeft({ ...stage.places, jobIds }, 45_000);
  expect(left).toEqual({ containers: [], hostFiles: [], requestRows: [], tokens: [] });
  for (const { id, state, events } of await collectJobs(stage.sql)) {
    const starts = stage.engine.events.filter(({ jobId, action }) => jobId === id && action === 'start');
    const finals = events.filter(({ kind }) => ['succeeded', 'failed', 'canceled', 'lost'].includes(kind));
    expect(starts.length).toBeLessThanOrEqual(1);
    expect(finals.map(({ kind }) => kind)).toEqual([state]);
  }
  expect((await gaffer.ask('GET', '/pids')).body).toEqual({ pids: [] });
}

/** Loads the job on a node that dies at this failpoint, or is killed once all copies run. */
async function crashAt(failpoint: string, stage: CrashStage): Promise<void> {
  await using stint = await start(stage, 'A', failpoint);
  const gaffer = await clientOf(stage, stint);
  await gaffer.load('shop', supervised).catch(() => undefined); // It may die before it answers.
  if (failpoint === '') {
    await poll(() => active(stage), isAll);
    stint.signal('SIGKILL');
  }
  await stint.gone(30_000);
}

// While the first, or the last, of the copies is made; while they are claimed, prepared and started; while all of them run.
const places = [
  'before-step=kill',
  'before-step=kill@3',
  'after-claim=kill@2',
  'after-prepare=kill@2',
  'after-start=kill@2',
  '',
];

test.concurrent.each(places)(
  'Q1, Q9: a session of three copies whose node is killed at "%s" and comes back has three copies',
  async (failpoint) => {
    await using stage = await openCrashStage();
    await crashAt(failpoint, stage);

    await using next = await start(stage, 'A');
    const gaffer = await clientOf(stage, next);

    expect(await checkSession(stage, gaffer)).toHaveLength(copies);
    await checkAftermath(stage, gaffer);
  },
  180_000,
);

test.concurrent.each(['before-step=kill@3', 'after-start=kill@2', ''])(
  'Q1, Q6: a session of three copies whose node is killed at "%s" for good has three copies at another',
  async (failpoint) => {
    await using stage = await openCrashStage();
    await crashAt(failpoint, stage);

    await using other = await start(stage, 'B');
    const gaffer = await clientOf(stage, other);
    // Until the lease of the dead node is over its copies count, and they run.
    expect(
      await poll(
        () => heldByTheDead(stage),
        (rows) => rows.length === 0,
      ),
    ).toEqual([]);

    expect(await checkSession(stage, gaffer)).toHaveLength(copies);
    await checkAftermath(stage, gaffer);
  },
  180_000,
);

test('Q1: a copy that ends while its node is killed is replaced once', async () => {
  await using stage = await openCrashStage();
  await using stint = await start(stage, 'A', 'before-record=kill');
  const gaffer = await clientOf(stage, stint);
  await gaffer.load('shop', supervised);
  // A signal to a container that is about to start is none.
  expect(await poll(() => running(stage), isAll)).toHaveLength(copies);
  const [pid] = await gaffer.pids('shop.web');
  await gaffer.ask('POST', `/${pid}/signal`, { signal: 'KILL' }).catch(() => undefined);
  await stint.gone(30_000);

  await using next = await start(stage, 'A');
  const again = await clientOf(stage, next);

  expect(await checkSession(stage, again)).not.toContain(pid);
  await checkAftermath(stage, again);
}, 180_000);
