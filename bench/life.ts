import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../rig/engine/docker.js';
import { type Bench, median, report } from './bench.js';

const rounds = 15;

/** Measure 1: POST sent to final status readable, beside a bare life of a container, taken in turns. */
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
    whole.push(await timed(() => wholeLife(bench, request, took * stillness)));
  }
  const [own, other] = [median(whole.slice(1)), median(bare.slice(1))]; // The first round warms up.
  report(
    'end to end, one at a time, median',
    `${own.toFixed(0)} ms; a bare life with one upload ${other.toFixed(0)} ms`,
  );
  report('the first beside the second', `${(own / other).toFixed(2)} (target: at most 1.05)`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** So much of a bare life nobody asks how the job does: on two cores each question slows its container down. */
const stillness = 0.7;

/** `request` was prepared before the clock started: what a client does in Vault is not ours to speed up. */
async function wholeLife({ client }: Bench, request: object, stillMs: number): Promise<void> {
  const { _id: id } = await client.post(request);
  await delay(stillMs);
  await client.wait(id);
}

/** What any executor does at least: create, one upload, attach, start, wait, remove. */
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
