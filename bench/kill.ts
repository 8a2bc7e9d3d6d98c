// Measures how long a kill takes, compared with a plain stop of the same program at the engine.
import { setTimeout as delay } from 'node:timers/promises';
import { connectDocker } from '../rig/engine/docker.js';
import { type Bench, median, report } from './bench.js';

const rounds = 5;
/** A job is running once its start was requested; its program needs a moment until it runs. */
const startupMs = 1_000;

/** Measures 13 and 14: from the kill request to the end of the job, and the engine's own stop of the same program. */
export async function measureKill(bench: Bench): Promise<void> {
  report(
    'kill of `sleep 300`, median',
    `${(await killTimes(bench, ['sleep', '300'])).toFixed(0)} ms (target: at most 500 ms)`,
  );
  const endsOnTerm = ['sh', '-c', 'trap "exit 0" TERM; sleep 300 & wait'];
  report(
    'kill of a job that ends on TERM, median',
    `${(await killTimes(bench, endsOnTerm)).toFixed(0)} ms (target: at most 300 ms)`,
  );
  report(
    'stop and removal at the engine alone, median',
    `${(await stopTimes(bench, endsOnTerm)).toFixed(0)} ms`,
  );
}

async function killTimes({ client, image }: Bench, run: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const id = await client.submit({ qname: 'kill', container_image: image, run });
    await client.wait(id, 60_000, async () => await isUp(client, id));
    await delay(startupMs);
    const startedAt = performance.now();
    await client.kill(id);
    await client.wait(id);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function stopTimes({ rig, image }: Bench, run: readonly string[]): Promise<number> {
  const docker = connectDocker(rig.engine.dockerHost);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const container = await docker.createContainer({
      Image: image,
      Cmd: [...run],
      HostConfig: { Init: true },
    });
    await container.start();
    await delay(startupMs);
    const startedAt = performance.now();
    await container.stop();
    await container.remove();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function isUp(client: Bench['client'], id: string): Promise<boolean> {
  const job = await client.get(id);
  return job.status === 'running' && job.container_id !== '';
}
