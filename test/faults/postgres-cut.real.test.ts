import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { TcpProxy, through } from '../../rig/tcp-proxy.js';
import { openStore } from '../../src/store/store.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand } from './stand.js';

let started: TcpProxy | undefined;
let directUrl = '';
const stand = await openStand({
  database: async (url) => {
    directUrl = url;
    started = await TcpProxy.start({ to: { host: '127.0.0.1', port: Number(new URL(url).port) } });
    return through(url, started);
  },
});
if (started === undefined) throw new Error('Expected a proxy to Postgres.');
const proxy: TcpProxy = started;
const { client, sql } = stand;
afterEach(() => proxy.heal());
afterAll(async () => {
  proxy.heal();
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** Starts a job and waits until its program runs. */
async function startJob(script: string): Promise<string> {
  const id = await stand.submit({ qname: uniqueName(), run: ['sh', '-c', `echo begun; ${script}`] });
  await client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  return id;
}

async function isRunning(id: string): Promise<boolean> {
  const filters = { label: [`stint.job=${id}`] };
  return (await stand.docker.listContainers({ filters })).length === 1;
}

async function outputBytes(id: string): Promise<number> {
  const [row] =
    await sql`select coalesce(sum(length(bytes)), 0)::int as bytes from job_output where job_id = ${id}`;
  return row?.bytes ?? 0;
}

test('Q3: a job that ran, printed and ended while its node was cut off has its end and its whole output', async () => {
  const script = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; sleep 1; echo last; exit 4';
  const id = await startJob(`sleep 1; ${script}`);

  proxy.refuse();
  await vi.waitFor(async () => expect(await isRunning(id)).toBe(false), 20_000);
  proxy.heal();

  const job = await client.wait(id, 20_000);
  const lines = Array.from({ length: 3000 }, (_, index) => `line ${index + 1}\n`).join('');
  expect(job).toMatchObject({ status: 'failed', return_code: 4, output: `begun\n${lines}last\n` });
  expect(await stand.look(id)).toMatchObject({ output_complete: true });
});

test('Q3: what a job prints meanwhile waits in the job, not in memory', async () => {
  const small = 4 * 2 ** 20;
  const whole = await startJob(`sleep 1; yes 0123456789abcde | head -c ${small}; echo the end`);
  const id = await startJob('sleep 1; yes 0123456789abcde | head -c 256m');
  const before = process.memoryUsage().rss;

  proxy.stall();
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 50);
  const stored = await outputBytes(id);
  await vi.waitFor(async () => expect(await waitedSeconds(id)).toBeGreaterThan(4), 20_000);
  clearInterval(timer);
  expect(await isRunning(id)).toBe(true);
  expect((await outputBytes(id)) - stored).toBeLessThan(2 ** 20);
  expect(most).toBeLessThan(64 * 2 ** 20);
  proxy.heal();

  await client.kill(id);
  expect(await client.wait(id)).toMatchObject({ status: 'failed', kill_requested: true });
  const job = await client.wait(whole);
  expect(job.status).toBe('success');
  expect(job.output.length).toBe(small + 'begun\nthe end\n'.length);
  expect(await stand.look(whole)).toMatchObject({ output_complete: true });
});

async function waitedSeconds(id: string): Promise<number> {
  const [row] = await sql`
    select extract(epoch from clock_timestamp() - max(at))::float8 as seconds from events where job_id = ${id}`;
  return row?.seconds ?? 0;
}

test('Q3: a node whose jobs were settled meanwhile changes nothing any more, and its container is removed', async () => {
  await using other = await openStore(directUrl, 'migrations');
  const id = await startJob('i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line; sleep 0.1; done');
  proxy.refuse();
  await sql`update jobs set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`;

  await other.settleDeadJobs('node:other', { graceMs: 0, holdMs: 0 });
  const bytes = await outputBytes(id);
  expect(await stand.look(id)).toMatchObject({ state: 'lost' });
  proxy.heal();

  await vi.waitFor(async () => expect(await isRunning(id)).toBe(false), 20_000);
  expect(await stand.look(id)).toMatchObject({ state: 'lost' });
  expect(await outputBytes(id)).toBe(bytes);
  expect((await stand.look(id)).kinds.filter((kind) => ['succeeded', 'failed'].includes(kind))).toEqual([]);
});

test('Q4: while Postgres cannot be reached the API says so, and soon; afterwards everything works as before', async () => {
  proxy.refuse();
  const begun = performance.now();
  const answers = await Promise.all([
    client.get('0123456789abcdef01234567').catch((error: unknown) => error),
    fetch(`${stand.stint.url}/v1/api/health`).then((response) => response.status),
    fetch(`${stand.stint.url}/readyz`).then((response) => response.status),
  ]);

  expect(performance.now() - begun).toBeLessThan(4_000);
  expect(answers).toMatchObject([
    {
      status: 500,
      body: { status: 'Internal Error.', error: expect.stringMatching(/^Could not use Postgres/) },
    },
    500,
    503,
  ]);
  proxy.heal();
  await vi.waitFor(async () => expect((await fetch(`${stand.stint.url}/readyz`)).status).toBe(200), 10_000);
  const id = await stand.submit({ qname: uniqueName(), run: ['true'] });
  expect(await client.wait(id)).toMatchObject({ status: 'success' });
});

test('Q4: while Postgres is silent the API answers all the same', { timeout: 60_000 }, async () => {
  await client.minimalToken();
  proxy.stall();
  const begun = performance.now();
  const refused = await client.get('0123456789abcdef01234567').catch((error: unknown) => error);

  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(refused).toMatchObject({
    status: 500,
    body: { error: expect.stringMatching(/^Could not use Postgres/) },
  });
  expect((await fetch(`${stand.stint.url}/healthz`)).status).toBe(200);
  proxy.heal();
  await vi.waitFor(async () => expect((await fetch(`${stand.stint.url}/readyz`)).status).toBe(200), 15_000);
});

function failures(): number {
  return stand.log().split('could not claim jobs').length;
}

test('Q4: a claim that was delayed on its way leaves no job behind', { timeout: 90_000 }, async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push(await stand.submit({ qname: uniqueName(), run: ['true'] }));
  proxy.stall();
  const before = failures();
  await vi.waitFor(() => expect(failures()).toBeGreaterThan(before), 20_000);
  proxy.heal();

  for (const id of ids) expect(await client.wait(id, 60_000)).toMatchObject({ status: 'success' });
});
