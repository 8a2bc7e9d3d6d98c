// Runs as a process of its own: asks a server again and again, and says how long the slowest answer took.
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 2;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function ping(url: string): Promise<number> {
  const startedAt = performance.now();
  await new Promise((resolve, reject) => {
    const going = request(url, { agent }, (response) => response.resume().once('end', resolve));
    going.once('error', reject).end();
  });
  return performance.now() - startedAt;
}

const slowest = { ms: 0, isAsked: false };
process.once('message', () => {
  slowest.isAsked = true;
});
await ping(process.argv[2] ?? ''); // The first one opens the connection.
process.send?.('ready');
while (!slowest.isAsked) {
  slowest.ms = Math.max(slowest.ms, await ping(process.argv[2] ?? ''));
  await delay(pauseMs);
}
process.send?.(slowest.ms);
agent.destroy();
process.disconnect();
