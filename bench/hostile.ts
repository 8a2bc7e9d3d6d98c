// Measures what hostile bodies cost the server: memory, and the longest time in which nobody else is served.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, memoryOf, report, say } from './bench.js';
import { archiveOf, hostileBodies } from './hostile-bodies.js';

const mib = 1024 * 1024;
/** Just below the default of `STINT_BODY_LIMIT`. */
const bodyBytes = 32 * mib - 4096;

/**
 * One body after another: peak of resident memory above what the server had before, beside the size of the body, and the
 * longest time that a request which needs nothing had to wait meanwhile. Target: less than 4 times the size, 50 ms.
 */
export async function measureHostileBodies(bench: Bench): Promise<void> {
  const token = await bench.client.minimalToken();
  const wrapper = await bench.client.prepare({ qname: 'hostile', container_image: bench.image });
  const content = await archiveOf(randomBytes(Math.floor((bodyBytes - 4096) / 4) * 3 - 4096));
  const valid = { ...wrapper, content };
  for (const { name, body } of hostileBodies(bodyBytes, valid)) {
    say(name);
    const cost = await costOf(bench, token, body());
    const ratio = `${(cost.peakBytes / bodyBytes).toFixed(1)} times its size`;
    report(`body: ${name}`, `${cost.status}; ${ratio}; longest wait ${cost.longestMs.toFixed(0)} ms`);
    await settle(bench.stint.pid);
  }
}

interface Cost {
  readonly status: number;
  readonly peakBytes: number;
  readonly longestMs: number;
}

async function costOf({ stint }: Bench, token: string, body: Buffer): Promise<Cost> {
  await resetPeak(stint.pid);
  const before = await memoryOf(stint.pid, 'VmRSS');
  const endPing = await startPing(`${stint.url}/healthz`);
  const status = await post(`${stint.url}/v1/api/job`, token, body);
  const longestMs = await endPing();
  return { status, longestMs, peakBytes: (await memoryOf(stint.pid, 'VmHWM')) - before };
}

function post(url: string, token: string, body: Buffer): Promise<number> {
  const headers = {
    'x-auth-token': token,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  return new Promise((resolve, reject) => {
    const going = request(url, { method: 'POST', headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    going.once('error', reject).end(body);
  });
}

/** In a process of its own: what it measures is the server's event loop, not ours. */
async function startPing(url: string): Promise<() => Promise<number>> {
  const pinging = fork(new URL('./ping.js', import.meta.url), [url]);
  await once(pinging, 'message');
  return async () => {
    const slowest = once(pinging, 'message');
    pinging.send('end');
    const [ms] = await slowest;
    return ms as number;
  };
}

/** The kernel counts the peak from here on (proc(5), `clear_refs`). */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** Until the collector has had its time: the next body begins where this one began. */
async function settle(pid: number): Promise<void> {
  let last = Number.POSITIVE_INFINITY;
  for (let now = await memoryOf(pid, 'VmRSS'); now < last - mib; now = await memoryOf(pid, 'VmRSS')) {
    last = now;
    await delay(1_000);
  }
}
