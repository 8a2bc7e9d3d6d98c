// Measures one job from submit to end, compared with a container that is run without stint.
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../rig/engine/docker.js';
import { type Bench, median, report } from './bench.js';

const rounds = 15;

/** Measure 1: from the POST to a readable final status, and the same container without stint; both are measured in turns. */
export async function measureLife(bench: Bench): Promise<void> {
  const docker = connectDocker(bench.rig.engine.dockerHost);
  const bare: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const took = await timed(() => bareLife(docker, bench.image));
    bare.push(took);
    const request = await bench.client.prepare({
      qname: 'life',
      container_image: bench.image,
      run: ['true'],
    });
    whole.push(await timed(() => wholeLife(bench, request, took * quietShare)));
  }
  const [own, other] = [median(whole.slice(1)), median(bare.slice(1))]; // The first round warms up.
  report(
    'end to end, one at a time, median',
    `${own.toFixed(0)} ms; a container without stint, with one upload ${other.toFixed(0)} ms`,
  );
  report('the first divided by the second', `${(own / other).toFixed(2)} (target: at most 1.05)`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Polling begins after this share of a bare life: on two cores each request slows the job's container down. */
const quietShare = 0.7;

/** `request` was prepared before the measurement: stint cannot speed up what a client does in Vault. */
async function wholeLife({ client }: Bench, request: object, quietMs: number): Promise<void> {
  const { _id: id } = await client.post(request);
  await delay(quietMs);
  await client.wait(id);
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
