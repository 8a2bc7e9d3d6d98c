// Measures throughput over many queues and checks that the jobs of a queue ran one after another, in order.
import { type Bench, report } from './bench.js';
import { findOverlaps, type Witness, witnessOf, witnessScript } from './witness.js';

const jobs = 200;
const queues = 20;
const limitMs = 10 * 60_000;

/** No job may overlap another of its queue, and all must run in the order in which they were posted. */
export async function measureQueues({ client, image }: Bench): Promise<void> {
  const ids: string[] = [];
  const startedAt = performance.now();
  for (let number = 0; number < jobs; number++) {
    const qname = `bench-${number % queues}`;
    ids.push(await client.submit({ qname, container_image: image, run: ['sh', '-c', witnessScript] }));
  }
  const witnesses: Witness[] = [];
  for (const id of ids) witnesses.push(witnessOf(await client.wait(id, limitMs)));
  const seconds = (performance.now() - startedAt) / 1000;
  report(
    `${jobs} jobs in ${queues} queues`,
    `${seconds.toFixed(1)} s, ${(jobs / seconds).toFixed(1)} jobs/s`,
  );
  report('overlaps or jobs out of order', `${findOverlaps(witnesses).length} (target: 0)`);
}
