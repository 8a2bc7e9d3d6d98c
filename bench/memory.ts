// Measures the server's memory while jobs print little and much, to show that it does not grow with the output.
import { setTimeout as delay } from 'node:timers/promises';
import type { AnsweredJob } from '../demo/gostint-client.js';
import { type Bench, memoryOf, report } from './bench.js';

const mib = 1024 * 1024;
const sizes = [10, 256, 1024];
const sampleMs = 100;

/**
 * Measure 10: the server's memory while a job prints 1 GiB, compared with 10 MiB. The size between separates growth with
 * the output from what any longer run allocates.
 */
export async function measureOutputMemory(bench: Bench): Promise<void> {
  const peaks: number[] = [];
  for (const size of sizes) {
    const startedAt = performance.now();
    const peak = await peakWhilePrinting(bench, size);
    const speed = size / ((performance.now() - startedAt) / 1000);
    peaks.push(peak);
    report(
      `peak memory, a job that prints ${size} MiB`,
      `${Math.round(peak / mib)} MiB at ${speed.toFixed(0)} MiB/s`,
    );
  }
  const [small = 1, middle = 1, large = 1] = peaks;
  report('1024 MiB divided by 10 MiB', `${(large / small).toFixed(2)} (target: at most 1.15)`);
  report('1024 MiB divided by 256 MiB', `${(large / middle).toFixed(2)} (flat: at most 1.15)`);
}

async function peakWhilePrinting({ client, stint, image }: Bench, size: number): Promise<number> {
  const line = 'a line of a log, as jobs print them by the thousand';
  const run = ['sh', '-c', `yes '${line}' | head -c ${size * mib}`];
  const id = await client.submit({ qname: `memory ${size}`, container_image: image, run });
  let peak = 0;
  for (;;) {
    peak = Math.max(peak, await memoryOf(stint.pid, 'VmRSS'));
    const job = await readFromList(client, `memory ${size}`);
    if (job.status === 'success') return peak;
    if (job.status !== 'queued' && job.status !== 'running')
      throw new Error(`Expected job ${id} to succeed, got ${job.status}: ${job.output.slice(-200)}`);
    await delay(sampleMs);
  }
}

/** From the list, which has the end of the output only: reading megabytes at each poll would change the measurement. */
async function readFromList(client: Bench['client'], qname: string): Promise<AnsweredJob> {
  const query = new URLSearchParams({ qname, limit: '1' });
  const page = (await client.stint('GET', `/v1/api/job?${query}`)) as { data: AnsweredJob[] };
  const [job] = page.data;
  if (job === undefined) throw new Error(`Expected a job in the queue ${qname}, got none.`);
  return job;
}
