import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import type { DockerBackendOptions } from '../../../src/docker/backend.js';
import { openDockerBackend } from '../../../src/docker/backend.js';
import type { ContainerRequest } from '../../../src/executor/backend.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, readJob, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const opened: DockerBench[] = [];
afterEach(async () => {
  for (const bench of opened.splice(0)) await bench[Symbol.asyncDispose]();
});

/** As a server is after its start. Two networks are ready. */
async function openBench(more: Partial<DockerBackendOptions> = {}): Promise<DockerBench> {
  await using usual = await openDockerBench(dockerHost);
  const job = { ...usual.options.job, network: 'isolated' };
  const bench = await openDockerBench(dockerHost, { job, sandboxes: 2, ...more });
  opened.push(bench);
  await bench.backend.removeLeftovers();
  return bench;
}

interface Inspected {
  readonly id: string;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly network: string;
  readonly isRunning: boolean;
}

async function inspectAll({ docker, containers }: DockerBench): Promise<Inspected[]> {
  const ids = await containers();
  const found = await Promise.all(
    ids.map((id) =>
      docker
        .getContainer(id)
        .inspect()
        .catch(() => undefined),
    ),
  );
  return found.flatMap((each) =>
    each === undefined
      ? []
      : [
          {
            id: each.Id,
            name: each.Name.slice(1),
            labels: each.Config.Labels,
            network: each.HostConfig.NetworkMode ?? '',
            isRunning: each.State.Running,
          },
        ],
  );
}

async function sandboxesOf(bench: DockerBench): Promise<Inspected[]> {
  return (await inspectAll(bench)).filter(
    ({ labels, isRunning }) => labels['stint.purpose'] === 'sandbox' && isRunning,
  );
}

async function untilReady(bench: DockerBench, count = 2): Promise<Inspected[]> {
  await expect.poll(async () => (await sandboxesOf(bench)).length, { timeout: 30_000 }).toBe(count);
  return await sandboxesOf(bench);
}

/** That of the container whose network it is. */
const whose = 'hostname';
const gateway = '$(ip route | grep default | cut -d " " -f 3)';

test('jobs of one owner that leave nothing in it use one network, one after another', async () => {
  const bench = await openBench({ sandboxes: 1 });
  const [{ id } = { id: '' }] = await untilReady(bench, 1);

  const seen: (string | undefined)[] = [];
  for (const command of ['true', 'dd if=/dev/zero of=/dev/null bs=1M count=10', 'cat /etc/hosts >/dev/null'])
    seen.push((await runJob(bench, { command: ['sh', '-c', `${whose}; ${command}`] })).stdout.toString());

  expect(new Set(seen).size).toBe(1);
  expect((await untilReady(bench, 1)).map((each) => each.id)).toEqual([id]);
});

test.each([
  ['listens when it ends', 'nc -l -p 9 & sleep 0.1; true', 'nothing'],
  ['has connected to itself', '(echo x | nc -l -p 9 &) ; sleep 0.3; nc 127.0.0.1 9 </dev/null', 'something'],
  ['has looked up a name', 'nslookup nonesuch 127.0.0.11 >/dev/null; true', 'something'],
  ['has connected to something', `nc -w 1 ${gateway} 9 </dev/null; true`, 'something'],
  ['has sent without an answer', `timeout 1 tftp -g -r x ${gateway} 9; true`, 'something'],
  ['has changed what names lead to', 'echo 127.0.0.1 example >> /etc/hosts', 'something'],
  ['has changed who may read that', 'chmod 600 /etc/resolv.conf', 'something'],
])('what a job that %s leaves is met by no other job', async (_, command, leaves) => {
  const options = { user: { uid: 0, gid: 0 } };
  const bench = await openBench({ sandboxes: 1 });
  await untilReady(bench, 1);

  const look =
    'cat /proc/net/tcp /proc/net/udp /proc/net/arp | wc -l; sha256sum /etc/hosts | wc -c; cat /etc/resolv.conf';
  const [first] = (await runJob(bench, { command: ['sh', '-c', `${whose}; ${command}`], options })).stdout
    .toString()
    .split('\n');
  await untilReady(bench, 1);
  const [second, ...seen] = (await runJob(bench, { command: ['sh', '-c', `${whose}; ${look}`] })).stdout
    .toString()
    .split('\n');

  expect(second === first, 'the same network').toBe(leaves === 'nothing');
  expect(seen[0]).toBe('5'); // Three headings, and the name server of the engine.
});

test('a network never goes from one owner to another', async () => {
  const bench = await openBench({ sandboxes: 1 });
  const seen: (string | undefined)[] = [];
  for (const owner of ['entity:1', 'entity:2', 'entity:1']) {
    await untilReady(bench, 1);
    seen.push((await runJob(bench, { command: ['sh', '-c', whose], owner })).stdout.toString());
  }

  expect(new Set(seen).size).toBe(3);
});

test('jobs that may have capabilities have a new one each', async () => {
  const policy = { ...strictPolicy, capabilities: ['NET_ADMIN'] };
  const bench = await openBench({ sandboxes: 1 });
  const seen: string[] = [];
  for (let job = 0; job < 2; job++) {
    await untilReady(bench, 1);
    seen.push((await runJob(bench, { command: ['sh', '-c', whose], policy })).stdout.toString());
  }

  expect(new Set(seen).size).toBe(2);
});

async function start(bench: DockerBench, request: Partial<ContainerRequest> = {}) {
  const full = containerRequest({ jobId: randomUUID(), fence: 1, command: ['sleep', '600'], ...request });
  const container = await bench.backend.prepare(full, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x\n'));
  return { container, request: full, running: await container.start() };
}

test('two jobs at once have one each, and a third gets its own from the engine', async () => {
  const bench = await openBench();
  await untilReady(bench);
  const starts = await Promise.all([start(bench), start(bench), start(bench)]);

  const jobs = (await inspectAll(bench)).filter(({ labels }) => labels['stint.job'] !== undefined);
  const networks = jobs.map(({ network }) => network);
  expect(networks.filter((name) => name.startsWith('container:')).length).toBeGreaterThanOrEqual(2);
  expect(new Set(networks).size).toBe(3);

  for (const { container } of starts) await container[Symbol.asyncDispose]();
  const spares = await untilReady(bench);
  expect((await inspectAll(bench)).map(({ name }) => name).toSorted()).toEqual(
    spares.map(({ name }) => name).toSorted(),
  );
});

test.each([
  ['publishes a port', { ports: [{ container: 80, host: 0, loopbackOnly: true }] }],
  ['asks for no network', { network: 'none' }],
  ['asks for another network', { network: 'bridge' }],
])('a job that %s does not join one', async (_, options) => {
  const bench = await openBench();
  const ready = await untilReady(bench);
  const { container } = await start(bench, { options });

  const job = (await inspectAll(bench)).find(({ id }) => id === container.id);
  expect(job?.network).not.toMatch(/^container:/);
  expect(await sandboxesOf(bench)).toEqual(ready);
  await container[Symbol.asyncDispose]();
});

test('one that has ended meanwhile, as after a restart of the engine, is not used', async () => {
  const bench = await openBench();
  const ready = await untilReady(bench);
  await Promise.all(ready.map(({ id }) => bench.docker.getContainer(id).kill()));

  const { stdout } = await runJob(bench, { command: ['echo', 'ran'] });

  expect(stdout.toString()).toBe('ran\n');
  const later = await untilReady(bench);
  expect(later.some(({ id }) => ready.some((earlier) => earlier.id === id))).toBe(false);
  await expect.poll(async () => (await inspectAll(bench)).length).toBe(2);
});

test('the end of the process leaves none', async () => {
  const bench = await openBench();
  await untilReady(bench);

  await bench.backend[Symbol.asyncDispose]();

  expect(await bench.containers()).toEqual([]);
});

test('after a crash the spare ones are removed, and a job that still runs keeps its network until its end', async () => {
  const bench = await openBench();
  await untilReady(bench);
  const { request } = await start(bench, { command: ['sh', '-c', 'sleep 3; ip route | grep -c default'] });
  const before = await untilReady(bench);

  const next = await openDockerBackend({
    ...bench.options,
    onFailure: (message) => void bench.failures.push(message),
  });
  await next.removeLeftovers((jobId) => jobId === request.jobId);
  await using adopted = await next.adopt(request);
  expect(Buffer.from(adopted?.secrets ?? []).toString()).toBe('TOKEN: x\n');
  const afterwards = (await sandboxesOf(bench)).map(({ id }) => id);
  expect(before.filter(({ id }) => afterwards.includes(id))).toHaveLength(1);

  const ran = adopted && (await readJob(adopted.resume({ stdout: 0, stderr: 0 })));
  expect(ran?.stdout.toString()).toBe('1\n');
  await adopted?.[Symbol.asyncDispose]();
  await next[Symbol.asyncDispose]();
  expect(await bench.containers()).toEqual([]);
});
