import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { startEngine } from '../../rig/engine/engine.js';
import type { OwnEngine } from '../../rig/engine/own-engine.js';
import { openDockerBackend } from '../../src/docker/backend.js';
import type { PreparedContainer, RunningContainer } from '../../src/executor/backend.js';
import { BrokenError } from '../../src/job/errors.js';
import { containerRequest } from '../support/container-request.js';
import { type DockerBench, openDockerBench, readJob, runJob } from '../support/docker-bench.js';

const { own } = await startEngine({ alwaysOwn: true, name: 'trouble', args: ['--live-restore'] });
if (own === undefined) throw new Error('Expected an engine of our own.');
const engine: OwnEngine = own;
const benches: DockerBench[] = [];

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench[Symbol.asyncDispose]()));
});

afterAll(() => engine[Symbol.asyncDispose]());

async function openBench(more: Parameters<typeof openDockerBench>[1] = {}): Promise<DockerBench> {
  const bench = await openDockerBench(engine.dockerHost, more);
  benches.push(bench);
  return bench;
}

async function prepare(bench: DockerBench, script: string): Promise<PreparedContainer> {
  const request = containerRequest({ jobId: randomUUID(), fence: 1, command: ['sh', '-c', script] });
  return await bench.backend.prepare(request, new AbortController().signal);
}

async function start(container: PreparedContainer): Promise<RunningContainer> {
  await container.deliver(Buffer.from('x'));
  return await container.start();
}

test('a backend opens without its engine, reports it as unavailable, and works when it is back', async () => {
  const bench = await openBench();
  await engine.stop();
  const backend = await openDockerBackend(bench.options);
  const unavailable = { code: 'engine_unavailable', retryable: true };

  await expect(backend.check()).rejects.toMatchObject(unavailable);
  await expect(backend.engineState()).rejects.toMatchObject(unavailable);
  await expect(backend.removeLeftovers()).rejects.toMatchObject(unavailable);
  await expect(runJob({ ...bench, backend }, {})).rejects.toMatchObject(unavailable);
  await engine.start();

  await backend.check();
  expect(await backend.engineState()).toMatchObject({ cpus: expect.any(Number), missingLimits: [] });
  expect(await runJob({ ...bench, backend }, { command: ['echo', 'back'] })).toMatchObject({
    exit: { exitCode: 0 },
  });
  await backend[Symbol.asyncDispose]();
});

test('a job survives a crash of its engine: its whole output and its true exit code are known', async () => {
  const bench = await openBench();
  await using container = await prepare(
    bench,
    'echo before; until test -e /tmp/go; do sleep 0.1; done; echo after; exit 3',
  );
  const running = await start(container);
  const ending = readJob(running);
  await vi.waitFor(async () => expect(await logOf(bench, container.id)).toContain('before'), 10_000);

  await engine.kill();
  await engine.start();
  await touch(bench, container.id, '/tmp/go');

  const { stdout, exit } = await ending;
  expect(stdout.toString()).toBe('before\nafter\n');
  expect(exit).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
});

async function logOf(bench: DockerBench, id: string): Promise<string> {
  return String(await bench.docker.getContainer(id).logs({ stdout: true, stderr: true }));
}

async function touch(bench: DockerBench, id: string, path: string): Promise<void> {
  const exec = await bench.docker.getContainer(id).exec({ Cmd: ['touch', path], User: '2001' });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
}

test('a container that somebody removes leaves its job lost, not ended', async () => {
  const bench = await openBench();
  await using container = await prepare(bench, 'sleep 60');
  const running = await start(container);

  await bench.docker.getContainer(container.id).remove({ force: true });

  const waiting = running.wait();
  await expect(waiting).rejects.toBeInstanceOf(BrokenError);
  await expect(waiting).rejects.toMatchObject({ code: 'engine_unavailable', retryable: false });
  await expect(running.stop(1_000)).resolves.toBeUndefined(); // It runs no more, and that is what was asked for.
});

test('what a dead process left is removed, and nothing of another node or installation', async () => {
  const before = await openBench();
  const otherNode = await openBench({ sharedKey: before.options.sharedKey });
  const stranger = await openBench();
  const left = await Promise.all(
    [before, before, otherNode, stranger].map((bench) => prepare(bench, 'sleep 60')),
  );
  await start(left[0] as PreparedContainer);
  const after = await openDockerBackend(before.options);

  const removed = await after.removeLeftovers();
  const again = await after.removeLeftovers();

  expect([removed, again]).toEqual([2, 2]);
  expect(await otherNode.containers()).toEqual([left[2]?.id]);
  expect(await stranger.containers()).toEqual([left[3]?.id]);
  await after[Symbol.asyncDispose]();
});

test('a container that only carries our labels is not touched', async () => {
  const bench = await openBench();
  const container = await prepare(bench, 'true');
  const { Config } = await bench.docker.getContainer(container.id).inspect();
  const forged = await bench.docker.createContainer({
    Image: 'busybox:latest',
    Labels: { ...Config.Labels, 'stint.job': randomUUID() },
  });
  const copied = await bench.docker.createContainer({ Image: 'busybox:latest', Labels: Config.Labels });
  const after = await openDockerBackend(bench.options);

  expect(await after.removeLeftovers()).toBe(1);

  expect((await bench.containers()).toSorted()).toEqual([forged.id, copied.id].toSorted());
  await after[Symbol.asyncDispose]();
});

test('leftovers are removed before the first job, even without an explicit call', async () => {
  const before = await openBench();
  const leftover = await prepare(before, 'sleep 60');
  const backend = await openDockerBackend(before.options);

  await runJob({ ...before, backend }, { command: ['true'] });

  expect(await before.containers()).not.toContain(leftover.id);
  await backend[Symbol.asyncDispose]();
});

test('the network that jobs are to have must be there', async () => {
  const job = {
    memoryBytes: 64 * 1024 * 1024,
    cpus: 1,
    pids: 64,
    network: 'nonesuch',
    sharedMemoryBytes: 64 * 1024 * 1024,
    init: 'auto',
  } as const;
  const bench = await openBench({ job });

  await expect(bench.backend.check()).rejects.toThrow('Create it, or change STINT_JOB_NETWORK');
  await expect(runJob(bench, {})).rejects.toMatchObject({ code: 'engine_unavailable', retryable: true });
});

test('a removal that fails because the engine is dead throws nothing and is reported', async () => {
  const bench = await openBench();
  const container = await prepare(bench, 'true');
  await engine.kill();

  await container[Symbol.asyncDispose]();

  expect(bench.failures).toEqual([
    expect.stringMatching(/^Could not remove the container: .*stint retries until it succeeds/),
  ]);
  expect(await bench.hostFiles()).toEqual([]);
  await engine.start();
  const next = await openDockerBackend(bench.options);
  expect(await next.removeLeftovers()).toBe(1);
  await next[Symbol.asyncDispose]();
});

describe('Q9, E2: a job whose node was restarted', () => {
  const script = 'echo before; until test -e /tmp/go; do sleep 0.1; done; echo after; exit 3';

  /** Starts a job in the first process of the node, which reads its first line and ends. */
  async function firstLife(): Promise<{
    bench: DockerBench;
    id: string;
    claim: { jobId: string; fence: number };
  }> {
    const bench = await openBench();
    const claim = { jobId: randomUUID(), fence: 1 };
    const request = containerRequest({ ...claim, command: ['sh', '-c', script] });
    const container = await bench.backend.prepare(request, new AbortController().signal);
    const running = await start(container);
    for await (const _ of running.output) break;
    return { bench, id: container.id, claim };
  }

  test('is found when its engine was restarted too: nothing is missing, nothing repeated', async () => {
    const { bench, id, claim } = await firstLife();
    await engine.kill();
    await engine.start();
    const next = await openDockerBackend(bench.options);

    await using adopted = await next.adopt(claim);
    const ending = readJob(adopted?.resume({ stdout: 7, stderr: 0 }) as RunningContainer);
    await touch(bench, id, '/tmp/go');

    const { stdout, exit } = await ending;
    expect(stdout.toString()).toBe('after\n');
    expect(exit).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
    await next[Symbol.asyncDispose]();
  });

  test('is found as soon as its engine is back, and survives another restart', async () => {
    const { bench, id, claim } = await firstLife();
    await engine.kill();
    const next = await openDockerBackend(bench.options);
    const finding = next.adopt(claim);
    await engine.start();

    await using adopted = await finding;
    const ending = readJob(adopted?.resume({ stdout: 3, stderr: 0 }) as RunningContainer);
    await engine.kill();
    await engine.start();
    await touch(bench, id, '/tmp/go');

    expect((await ending).stdout.toString()).toBe('ore\nafter\n');
    expect((await ending).exit).toMatchObject({ exitCode: 3, proven: true });
    await next[Symbol.asyncDispose]();
  });
});
