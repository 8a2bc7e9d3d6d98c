// Runs as a process of its own: asks a server again and again, and says how long the slowest answer took.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** The longest wait, and how long the server's own thread ran within one: on a busy machine a wait is not all its fault. */
export interface Slowest {
  readonly waitMs: number;
  readonly busyMs: number;
}

const pauseMs = 2;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const [url = '', pid = ''] = process.argv.slice(2);

async function ping(): Promise<Slowest> {
  const startedAt = performance.now();
  const busyBefore = busyMs();
  await new Promise((resolve, reject) => {
    const going = request(url, { agent }, (response) => response.resume().once('end', resolve));
    going.once('error', reject).end();
  });
  return { waitMs: performance.now() - startedAt, busyMs: busyMs() - busyBefore };
}

/** Of the thread of the event loop, by the kernel's account (`/proc/PID/task/TID/schedstat`, in nanoseconds). */
function busyMs(): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

const slowest = { waitMs: 0, busyMs: 0, isAsked: false };
process.once('message', () => {
  slowest.isAsked = true;
});
await ping(); // The first one opens the connection.
process.send?.('ready');
while (!slowest.isAsked) {
  const { waitMs, busyMs: busy } = await ping();
  slowest.waitMs = Math.max(slowest.waitMs, waitMs);
  slowest.busyMs = Math.max(slowest.busyMs, busy);
  await delay(pauseMs);
}
process.send?.(slowest);
agent.destroy();
process.disconnect();
