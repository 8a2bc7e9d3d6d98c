import { randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { tagLabel } from '../../../src/docker/container/container.js';
import { identityOf } from '../../../src/docker/identity.js';
import { imageTag } from '../../../src/docker/image/facts.js';
import { newSandboxName, sandboxOptions } from '../../../src/docker/sandbox/sandbox.js';
import { newJobId } from '../../../src/job/id.js';
import { createReaper, type ReaperParts } from '../../../src/queue/maintenance/reaper.js';
import { testSettings } from '../../support/backend-parts.js';
import { containerRequest } from '../../support/container-request.js';
import { openTestDatabase } from '../../support/database.js';
import { type DockerBench, openDockerBench } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';
import { submitInto } from '../../support/stored-jobs.js';

// E4: exactly our own containers without an active job are removed, and nothing else.

const { dockerHost } = await rigPart('engine');
const database = await openTestDatabase();
const { store, sql } = database;
const bench = await openDockerBench(dockerHost);
/** Another node of the same installation, on the same engine. */
const { nodeId: _, secretsDirectory: __, ...shared } = bench.options;
const neighbour = await openDockerBench(dockerHost, shared);
const stranger = await openDockerBench(dockerHost);
afterAll(async () => {
  for (const each of [stranger, neighbour, bench, database]) await each[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.clear();
  await Promise.all((await bench.containers()).map((id) => bench.backend.removeContainer(id)));
});

const isUnavailable = () => Promise.reject(new Error('unavailable'));
const noGrace = 0;
const longGrace = 3_600_000;

function openReaper(graceMs: number, changes: Partial<ReaperParts> = {}) {
  const log = { info: () => undefined, error: () => undefined };
  const leaseMs = 30_000;
  return createReaper({ store, engine: bench.backend, node: 'node-1', graceMs, leaseMs, log, ...changes });
}

/** Leaves a container as a process would that dies. */
async function leave(where: DockerBench, jobId: string, fence = 1): Promise<string> {
  const request = containerRequest({ jobId, fence, command: ['sleep', '600'] });
  const container = await where.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x\n'));
  await container.start();
  return container.id;
}

/** Creates a container that is not ours but has our labels. */
async function forge(labels: Record<string, string>, image = 'busybox:latest'): Promise<string> {
  const name = `stint-test-${randomUUID()}`;
  const options = { name, Image: image, Cmd: ['true'], Labels: labels };
  return (await bench.docker.createContainer(options)).id;
}

/** Leaves a container that was made to read an image, as a node would that dies. */
async function leaveHelper(node: string): Promise<string> {
  const { installation, tagKey } = identityOf(bench.options.sharedKey);
  const name = `stint-${installation.slice(0, 8)}-image-${randomUUID()}`;
  const labels = {
    'stint.installation': installation,
    'stint.node': node,
    [tagLabel]: imageTag({ installation, tagKey }, name),
  };
  return (await bench.docker.createContainer({ name, Image: 'busybox:latest', Labels: labels })).id;
}

/** Leaves a network that was made ahead, as a node would that dies. */
async function leaveSpare(node: string): Promise<string> {
  const { installation, tagKey } = identityOf(bench.options.sharedKey);
  const settings = { ...testSettings, installation, tagKey, node };
  const name = newSandboxName(settings);
  const { Labels } = sandboxOptions(settings, name, '');
  return (await bench.docker.createContainer({ name, Image: 'busybox:latest', Labels })).id;
}

async function exists(id: string): Promise<boolean> {
  return bench.docker
    .getContainer(id)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

async function labelsOf(id: string): Promise<Record<string, string>> {
  return (await bench.docker.getContainer(id).inspect()).Config.Labels;
}

/** The engine reports the age of containers in whole seconds. */
async function untilOld(id: string): Promise<void> {
  const isOld = async () =>
    (await bench.backend.ownContainers()).some((own) => own.id === id && own.ageMs > 0);
  await expect.poll(isOld, { timeout: 5_000 }).toBe(true);
}

async function removals(): Promise<object[]> {
  return [
    ...(await sql`select job_id, actor, detail from events where kind = 'container_removed' order by seq`),
  ];
}

test('E4: the reaper removes exactly the containers of ended and of unknown jobs, of every node of ours', async () => {
  const ended = await submitInto(store, 'succeeded', { queue: 'a' });
  const alive = await submitInto(store, 'running', { queue: 'b' });
  const waiting = await submitInto(store, 'queued', { queue: 'c' });
  const unknown = newJobId();
  const ids = {
    ended: await leave(bench, ended.id),
    endedElsewhere: await leave(neighbour, ended.id, 2),
    alive: await leave(neighbour, alive.id),
    waiting: await leave(bench, waiting.id),
    unknown: await leave(bench, unknown),
    foreign: await leave(stranger, newJobId()),
  };
  const copied = await forge(await labelsOf(ids.ended));
  const tag = `stint-test/forged-${randomUUID()}:1`;
  await buildImage(bench.docker, { tag, cmd: ['true'], labels: await labelsOf(ids.unknown) });
  const ofForgedImage = await forge({}, tag);
  await untilOld(ids.unknown);
  const reaper = openReaper(noGrace);

  const wouldRemove = await reaper.dryRun();
  expect(await exists(ids.ended)).toBe(true);
  const removed = await reaper.run();

  const byId = (list: typeof removed) =>
    Object.fromEntries(list.map(({ containerId, reason }) => [containerId, reason]));
  expect(byId(removed)).toEqual({
    [ids.ended]: 'job_ended',
    [ids.endedElsewhere]: 'job_ended',
    [ids.unknown]: 'job_unknown',
  });
  expect(byId(wouldRemove)).toEqual(byId(removed));
  const left = { alive: ids.alive, waiting: ids.waiting, foreign: ids.foreign, copied, ofForgedImage };
  for (const [name, id] of Object.entries(left)) expect([name, await exists(id)]).toEqual([name, true]);
  for (const { containerId } of removed) expect(await exists(containerId)).toBe(false);
  expect(await reaper.run()).toEqual([]);
  await Promise.all([copied, ofForgedImage].map((id) => bench.backend.removeContainer(id)));
  await bench.docker.getImage(tag).remove();
});

test('the reaper removes the networks that nodes have made ahead when these are not alive', async () => {
  await store.seeNode({ id: 'node-2', engineId: undefined, version: '1', slots: 1 });
  const ids = {
    own: await leaveSpare('node-1'),
    alive: await leaveSpare('node-2'),
    gone: await leaveSpare('node-3'),
  };
  await untilOld(ids.gone);

  expect(await openReaper(longGrace).run()).toEqual([]);
  const removed = await openReaper(noGrace).run();

  expect(removed).toMatchObject([{ containerId: ids.gone, node: 'node-3', reason: 'helper_left' }]);
  expect([await exists(ids.own), await exists(ids.alive), await exists(ids.gone)]).toEqual([
    true,
    true,
    false,
  ]);
});

test('the reaper spares what nobody knows while it is younger than the grace, but not what belongs to an ended job', async () => {
  const ended = await submitInto(store, 'lost');
  const ids = [await leave(bench, ended.id), await leave(bench, newJobId())];

  const removed = await openReaper(longGrace).run();

  expect(removed.map(({ containerId }) => containerId)).toEqual([ids[0]]);
  expect(await exists(ids[1] ?? '')).toBe(true);
});

test('the reaper removes nothing while Postgres cannot say what is alive', async () => {
  const id = await leave(bench, newJobId());
  await untilOld(id);

  await expect(
    openReaper(noGrace, { store: { ...store, readJobFates: isUnavailable } }).run(),
  ).rejects.toThrow('unavailable');

  expect(await exists(id)).toBe(true);
});

test('the reaper records each removal once, with its actor and reason, also when the removal must be tried again', async () => {
  const jobId = newJobId();
  const id = await leave(bench, jobId);
  await untilOld(id);
  let tries = 0;
  const removeContainer = async (container: string) => {
    if (tries++ === 0) throw new Error('removal is already in progress');
    await bench.backend.removeContainer(container);
  };
  const engine: ReaperParts['engine'] = {
    ownContainers: () => bench.backend.ownContainers(),
    sweepHostFiles: () => bench.backend.sweepHostFiles(),
    removeContainer,
  };
  const reaper = openReaper(noGrace, { engine });
  const before = (await removals()).length;

  expect(await reaper.run()).toEqual([]);
  expect(await reaper.run()).toHaveLength(1);

  expect((await removals()).slice(before)).toEqual([
    {
      job_id: jobId,
      actor: 'node:node-1',
      detail: {
        id,
        name: expect.stringContaining(jobId),
        node: bench.options.nodeId,
        reason: 'job_unknown',
      },
    },
  ]);
});

test('the reaper removes a container that was made to read an image, by any node, when it is old', async () => {
  const helper = await leaveHelper('node-7');
  await untilOld(helper);

  expect(await openReaper(longGrace).run()).toEqual([]);
  const removed = await openReaper(noGrace).run();

  expect(removed).toMatchObject([{ containerId: helper, jobId: undefined, reason: 'helper_left' }]);
  expect((await removals()).at(-1)).toMatchObject({ job_id: null, detail: { id: helper } });
});

test('the reaper removes the files that a dead process left on this host', async () => {
  const { secretsDirectory } = bench.options;
  const [own = ''] = await readdir(secretsDirectory);
  const dead = join(secretsDirectory, own.replace(/-\d+-\d+-/, '-2-1-'));
  await mkdir(dead);
  await writeFile(join(dead, 'secrets'), 'left');

  await openReaper(longGrace).run();

  expect(await readdir(secretsDirectory)).toEqual([own]);
});
