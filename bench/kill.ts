import { type Bench, median, report } from './bench.js';

const rounds = 5;

/** Measure 14: from the request to kill to the job's end, for a program that obeys and for one that does not listen. */
export async function measureKill(bench: Bench): Promise<void> {
  report(
    'kill of `sleep 300`, median',
    `${(await killTimes(bench, ['sleep', '300'])).toFixed(0)} ms (target: at most 500 ms)`,
  );
  const obeys = ['sh', '-c', 'trap "exit 0" TERM; sleep 300 & wait'];
  report(
    'kill of a job that obeys TERM, median',
    `${(await killTimes(bench, obeys)).toFixed(0)} ms (target: at most 300 ms)`,
  );
}

async function killTimes({ client, image }: Bench, run: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const id = await client.submit({ qname: 'kill', container_image: image, run });
    await client.wait(id, 60_000, async () => await isUp(client, id));
    const startedAt = performance.now();
    await client.kill(id);
    await client.wait(id);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function isUp(client: Bench['client'], id: string): Promise<boolean> {
  const job = await client.get(id);
  return job.status === 'running' && job.container_id !== '';
}
