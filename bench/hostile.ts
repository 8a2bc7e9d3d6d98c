// Measures what hostile bodies cost the server: memory, and the longest time in which nobody else is served.
import { setTimeout as delay } from 'node:timers/promises';
import type { GostintClient } from '../demo/gostint-client.js';
import type { StintServer } from '../rig/stint/stint.js';
import { type Bench, memoryOf, report, say } from './bench.js';
import { type HostileBody, hostileBodies } from './hostile-bodies.js';
import { costOf } from './hostile-cost.js';

const mib = 1024 * 1024;
/** Just below the default of `STINT_BODY_LIMIT`. */
const bodyBytes = 32 * mib - 4096;

/**
 * Each body to a fresh server: peak of resident memory above what the server had before, beside the size of the body, and the
 * longest time that a request which needs nothing had to wait meanwhile. A job that is taken is followed to its end. Target:
 * less than 4 times the size, 50 ms. `STINT_BENCH_BODIES`, a regular expression, picks some.
 */
export async function measureHostileBodies(bench: Bench): Promise<void> {
  const wanted = new RegExp(process.env.STINT_BENCH_BODIES ?? '');
  for (const body of hostileBodies(bodyBytes).filter(({ name }) => wanted.test(name))) {
    say(body.name);
    await using stint = await bench.startServer();
    await measureOne(bench, stint, body);
  }
}

async function measureOne(
  bench: Bench,
  stint: StintServer,
  { name, fields, body }: HostileBody,
): Promise<void> {
  const client = bench.clientOf(stint);
  await warmUp(bench, stint, client);
  const token = await client.minimalToken();
  const wrapper =
    fields === undefined ? {} : { wrap_secret_id: await client.wrapSecretId(), container_image: bench.image };
  const bytes = body({ ...wrapper, ...(await fields?.(client, wrapper)) });
  const cost = await costOf(stint, token, bytes, (answer) => waitForEnd(client, answer));
  // Of a payload in a cubbyhole the body holds only the place.
  const [unit, of] = bytes.length > mib ? [bytes.length, 'times its'] : [mib, 'MiB for its'];
  const times = (peak: number) => (peak / unit).toFixed(1);
  const toEnd = cost.status < 400 ? ` (${times(cost.peakBytes)} to the end of its job)` : '';
  const ratio = `${times(cost.answerBytes)} ${of} ${(bytes.length / mib).toFixed(1)} MiB${toEnd}`;
  const loop = `longest wait ${cost.waitMs.toFixed(0)} ms, ${cost.busyMs.toFixed(0)} ms of it at work`;
  report(`body: ${name}`, `${cost.status}; ${ratio}; ${loop}`);
  if (cost.status >= 400) say(cost.answer.slice(0, 200));
}

/** Loads what is loaded late, and lets the collector have its time: the next body begins with an idle server. */
async function warmUp(bench: Bench, stint: StintServer, client: GostintClient): Promise<void> {
  for (let count = 0; count < 3; count++) {
    const id = await client.submit({ qname: 'hostile', container_image: bench.image, run: ['true'] });
    await client.wait(id);
  }
  let last = Number.POSITIVE_INFINITY;
  for (
    let now = await memoryOf(stint.pid, 'VmRSS');
    now < last - mib;
    now = await memoryOf(stint.pid, 'VmRSS')
  ) {
    last = now;
    await delay(1_000);
  }
}

async function waitForEnd(client: GostintClient, answer: string): Promise<void> {
  const id = /"_id":"([0-9a-f]{24})"/.exec(answer)?.[1];
  if (id === undefined) return;
  const { status, output } = await client.wait(id);
  say(`${status} ${output.slice(0, 200)}`);
}
