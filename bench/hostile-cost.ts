// What one request costs a server: memory, and the longest time in which nobody else is served.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { StintServer } from '../rig/stint/stint.js';
import { memoryOf } from './bench.js';
import type { Slowest } from './ping.js';

export interface Cost extends Slowest {
  readonly status: number;
  readonly answer: string;
  /** Of resident memory, above what the server had before: until the answer, and until the end of what it began. */
  readonly answerBytes: number;
  readonly peakBytes: number;
}

/** The server must be idle. `afterwards` gets the body of the answer; the cost is counted until it has ended. */
export async function costOf(
  stint: StintServer,
  token: string,
  body: Buffer,
  afterwards: (answer: string) => Promise<void>,
): Promise<Cost> {
  await resetPeak(stint.pid);
  const before = await memoryOf(stint.pid, 'VmRSS');
  const endPing = await startPing(stint);
  const { status, answer } = await post(`${stint.url}/v1/api/job`, token, body);
  const answerBytes = (await memoryOf(stint.pid, 'VmHWM')) - before;
  await afterwards(answer);
  const slowest = await endPing();
  const peakBytes = (await memoryOf(stint.pid, 'VmHWM')) - before;
  return { status, answer, ...slowest, answerBytes, peakBytes };
}

function post(url: string, token: string, body: Buffer): Promise<{ status: number; answer: string }> {
  const headers = {
    'x-auth-token': token,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  return new Promise((resolve, reject) => {
    const going = request(url, { method: 'POST', headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        answer += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, answer }));
    });
    going.once('error', reject).end(body);
  });
}

/** In a process of its own: what it measures is the server's event loop, not ours. */
async function startPing({ url, pid }: StintServer): Promise<() => Promise<Slowest>> {
  const pinging = fork(new URL('./ping.js', import.meta.url), [`${url}/healthz`, `${pid}`]);
  await once(pinging, 'message');
  return async () => {
    const slowest = once(pinging, 'message');
    pinging.send('end');
    const [found] = await slowest;
    return found as Slowest;
  };
}

/** The kernel counts the peak from here on (proc(5), `clear_refs`). */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}
