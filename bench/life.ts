// Measures one job from submit to end, compared with a container that is run without stint.
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../rig/engine/docker.js';
import { type Bench, median, report } from './bench.js';

const rounds = 15;
const jobsInARow = 10;

/**
 * Measure 1: from the POST to a readable final status, the same container without stint, and the least that a user gets from
 * `docker run`; all three are measured in turns. Then jobs of one queue in a row, beside as many plain containers.
 */
export async function measureLife(bench: Bench): Promise<void> {
  const docker = connectDocker(bench.rig.engine.dockerHost);
  const [plain, bare, whole]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round <= rounds; round++) {
    plain.push(await timed(() => plainLife(docker, bench.image)));
    const took = await timed(() => bareLife(docker, bench.image));
    bare.push(took);
    const request = await prepareJob(bench, 'life');
    whole.push(await timed(() => wholeLife(bench, request, took * quietShare)));
  }
  const [own, other, least] = [whole, bare, plain].map((took) => median(took.slice(1))); // The first round warms up.
  report('end to end, one at a time, median', milliseconds(own));
  report('… beside a container without stint, with init and one upload', against(own, other));
  report('… beside a plain one, without init and upload', against(own, least));
  await measureRow(bench, docker);
}

async function measureRow(bench: Bench, docker: Docker): Promise<void> {
  const [plain, whole]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
    const took = await timed(() => inARow(() => plainLife(docker, bench.image)));
    plain.push(took);
    const requests: object[] = [];
    await inARow(async () => void requests.push(await prepareJob(bench, 'row')));
    whole.push(await timed(() => runAll(bench, requests, took * rowQuietShare)));
  }
  report(
    `${jobsInARow} jobs of one queue, beside plain containers in a row`,
    against(median(whole), median(plain)),
  );
}

async function inARow(work: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < jobsInARow; time++) await work();
}

async function prepareJob({ client, image }: Bench, qname: string): Promise<object> {
  return await client.prepare({ qname, container_image: image, run: ['true'] });
}

/** They end in the order in which they were posted. */
async function runAll({ client }: Bench, requests: readonly object[], quietMs: number): Promise<void> {
  let last = '';
  for (const request of requests) {
    const { _id: id } = await client.post(request);
    last = id;
  }
  await delay(quietMs);
  await client.wait(last);
}

function milliseconds(time = 0): string {
  return `${time.toFixed(0)} ms`;
}

function against(own = 0, other = 0): string {
  return `${milliseconds(own)} to ${milliseconds(other)}, ${(own / other).toFixed(2)}`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Polling begins after this share of a bare life: on two cores each request slows the job's container down. */
const quietShare = 0.3;
const rowQuietShare = 0.4;

/** `request` was prepared before the measurement: stint cannot speed up what a client does in Vault. */
async function wholeLife({ client }: Bench, request: object, quietMs: number): Promise<void> {
  const { _id: id } = await client.post(request);
  await delay(quietMs);
  await client.wait(id);
}

/** What `docker run --rm` does. */
async function plainLife(docker: Docker, image: string): Promise<void> {
  const container = await docker.createContainer({ Image: image, Cmd: ['true'] });
  await container.start();
  await container.wait();
  await container.logs({ stdout: true, stderr: true });
  await container.remove({ v: true });
}

/** The least that any executor must do: create, one upload, attach, start, wait, remove. */
async function bareLife(docker: Docker, image: string): Promise<void> {
  const container = await docker.createContainer({ Image: image, Cmd: ['true'], HostConfig: { Init: true } });
  await container.putArchive(emptyTar, { path: '/' });
  const line = await container.attach({ stream: true, stdout: true, stderr: true });
  line.resume();
  await container.start();
  await container.wait();
  await container.remove({ v: true });
}

/** Two blocks of zeros: the end of an archive. */
const emptyTar = Buffer.alloc(1024);
