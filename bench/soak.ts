// Measures honest clients beside many hostile ones: how long their jobs take, and the memory of the server.
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { GostintClient } from '../demo/gostint-client.js';
import { type Bench, memoryOf, report, say } from './bench.js';

const mib = 1024 * 1024;
const honestClients = 5;
const hostileOfAKind = 10;
const aloneMs = 20_000;
/** `STINT_BENCH_SOAK_SECONDS` makes it longer. */
const soakMs = Number(process.env.STINT_BENCH_SOAK_SECONDS ?? 60) * 1_000;

/** What a hostile client does, again and again. */
type Hostility = (target: Target) => Promise<unknown>;

interface Target {
  readonly url: string;
  readonly token: string;
  /** A job of theirs with 16 MiB of output. */
  readonly jobId: string;
}

/**
 * Five clients run small jobs one after another, alone and then beside 50 hostile clients. Target: their p95 at most twice that
 * of alone, peak memory below 600 MB, and the server does not end. The hostile ones use up processors too: theirs are ours.
 */
export async function measureSoak(bench: Bench): Promise<void> {
  const { stint } = bench;
  const alone = await honestTimes(bench, aloneMs);
  const hostile = await bench.newCaller();
  const target = {
    url: stint.url,
    token: await hostile.minimalToken(),
    jobId: await printMuch(bench, hostile),
  };
  const answers = new Map<string, number>();
  const stop = new AbortController();
  const attackers = hostilities.flatMap(([name, act]) =>
    Array.from({ length: hostileOfAKind }, () =>
      attack(name, () => act(target), { answers, stop: stop.signal }),
    ),
  );
  const beside = await honestTimes(bench, soakMs);
  stop.abort();
  await Promise.all(attackers);
  const [before, after] = [percentile(alone), percentile(beside)];
  report('honest jobs alone, p95', `${before.toFixed(0)} ms (${alone.length} jobs)`);
  report('beside 50 hostile clients, p95', `${after.toFixed(0)} ms (${beside.length} jobs)`);
  report('times longer', `${(after / before).toFixed(2)} (target: at most 2)`);
  report('peak memory', `${Math.round((await memoryOf(stint.pid, 'VmHWM')) / 1e6)} MB (target: below 600)`);
  report('honest jobs refused or failed', `${failures.length}`);
  for (const failure of failures.slice(0, 10)) say(failure);
  report('ended', stint.exitCode() === undefined ? 'no' : 'YES');
  for (const [name, count] of [...answers].toSorted()) say(`${name}: ${count}`);
}

/** Why honest jobs were refused or failed: none should. */
const failures: string[] = [];

async function honestTimes({ client, image }: Bench, ms: number): Promise<number[]> {
  const until = performance.now() + ms;
  const times: number[] = [];
  const runOne = async (qname: string) => {
    while (performance.now() < until) {
      const began = performance.now();
      try {
        const job = await client.wait(await client.submit({ qname, container_image: image, run: ['true'] }));
        if (job.status !== 'success') throw new Error(job.output);
        times.push(performance.now() - began);
      } catch (error) {
        failures.push(`${String(error)} ${String((error as Error).cause ?? '')}`);
      }
    }
  };
  await Promise.all(Array.from({ length: honestClients }, (_, i) => runOne(`honest ${i}`)));
  return times;
}

async function printMuch({ image }: Bench, client: GostintClient): Promise<string> {
  const run = ['sh', '-c', `tr '\\0' '\\1' < /dev/zero | head -c ${16 * mib}`];
  const id = await client.submit({ qname: 'hostile', container_image: image, run });
  while (!(await isOver(client))) await delay(200);
  return id;
}

async function isOver(client: GostintClient): Promise<boolean> {
  const page = (await client.stint('GET', '/v1/api/job?qname=hostile&limit=1')) as {
    data: { status: string }[];
  };
  return page.data[0]?.status === 'success';
}

async function attack(
  name: string,
  act: () => Promise<unknown>,
  { answers, stop }: { answers: Map<string, number>; stop: AbortSignal },
): Promise<void> {
  while (!stop.aborted) {
    const answer = await act().catch(() => 'cut');
    const key = `${name}: ${String(answer)}`;
    answers.set(key, (answers.get(key) ?? 0) + 1);
    await delay(100);
  }
}

const hostilities: readonly (readonly [string, Hostility])[] = [
  ['bad tokens', ({ url }) => statusOf(`${url}/v1/api/job`, `hvs.${Math.random()}`)],
  ['large bodies', ({ url, token }) => send(url, token, 'A')],
  ['newlines', ({ url, token }) => send(url, token, '\\n')],
  ['long outputs that nobody reads', ({ url, token, jobId }) => ignore(url, token, `/v1/api/job/${jobId}`)],
  ['lists that nobody reads', ({ url, token }) => ignore(url, token, '/v1/api/job?limit=100')],
];

/** On a connection of its own: the honest clients share theirs, and those of hostile ones are cut. */
async function statusOf(url: string, token: string, { method = 'GET', body = '' } = {}): Promise<number> {
  return await new Promise((resolve, reject) => {
    const headers = { 'x-auth-token': token, 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

let bodies: Record<string, string> = {};

function send(url: string, token: string, filling: string): Promise<number> {
  bodies = {
    [filling]: `{"wrap_secret_id":"x","content":"${filling.repeat((31 * mib) / filling.length)}"}`,
    ...bodies,
  };
  return statusOf(`${url}/v1/api/job`, token, { method: 'POST', body: bodies[filling] ?? '' });
}

/** Holds the connection for ten seconds, reads nothing. */
async function ignore(url: string, token: string, path: string): Promise<string> {
  const socket = connect({ host: new URL(url).hostname, port: Number(new URL(url).port) });
  socket.on('error', () => undefined);
  socket.pause();
  for (let i = 0; i < 5; i++)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n\r\n`);
  await delay(10_000);
  socket.destroy();
  return 'held';
}

function percentile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Number.NaN;
}
