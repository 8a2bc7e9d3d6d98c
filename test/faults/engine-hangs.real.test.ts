import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { startEngine } from '../../rig/engine/engine.js';
import { uniqueName } from '../journey/vault-operator.js';
import { FaultProxy } from '../vault/fault-proxy.js';
import { openStand } from './stand.js';

const { own, dockerHost } = await startEngine({ alwaysOwn: true, name: 'hangs' });
if (own === undefined) throw new Error('Expected a private engine.');
const engine = own;
const proxy = await FaultProxy.start(dockerHost);
const stand = await openStand({
  dockerHost,
  engineAddress: proxy.address.replace('http:', 'tcp:'),
  settings: { STINT_SLOTS: '2' },
});
const { client, sql, stint } = stand;
afterEach(() => {
  engine.resume();
  proxy.heal();
});
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

/** Returns the milliseconds that it took. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function expectHealthWithoutEngine(): Promise<void> {
  const counters = await (await fetch(`${stint.url}/v1/api/health`)).json();
  expect(counters).toMatchObject({ state: 'active' });
  expect(counters).not.toHaveProperty('containers');
}

/** All requests that clients make and that need no engine. */
async function expectFastApi(id: string): Promise<void> {
  const request = {
    qname: uniqueName(),
    wrap_secret_id: await client.wrapSecretId(),
    container_image: 'busybox',
  };
  const times = [
    await timed(() => client.get(id)),
    await timed(() => client.stint('GET', '/v1/api/job')),
    await timed(expectHealthWithoutEngine),
    await timed(() => client.post(request)),
    await timed(() => fetch(`${stint.url}/v1/api/metrics`)),
  ];
  expect(Math.max(...times)).toBeLessThan(1_000);
}

async function leftOf(id: string): Promise<number> {
  return (await stand.docker.listContainers({ all: true, filters: { label: [`stint.job=${id}`] } })).length;
}

const steps: readonly [string, RegExp][] = [
  ['image', /^\/images\/[^/]+\/json/],
  ['create', /^\/containers\/create\b/],
  ['upload', /\/archive\?path=%2F$/],
  ['start', /\/start$/],
  ['wait', /\/wait$/],
  ['removal', /^\/containers\/[0-9a-f]+\?force/],
];

describe('E3: an engine that hangs', () => {
  test.each(steps)('at the %s of a job delays it, and not the API', async (_, path) => {
    let hasHung = false;
    const happens = () => {
      engine.suspend();
      hasHung = true;
    };
    const other = await stand.submit({ qname: uniqueName(), run: ['true'] });
    await client.wait(other);
    proxy.spoil(path, { kind: 'meanwhile', happens }, 1);

    const id = await stand.submit({ qname: uniqueName(), run: ['sh', '-c', 'echo ran; sleep 1; exit 6'] });
    await vi.waitFor(() => expect(hasHung).toBe(true), 10_000);
    await expectFastApi(other);
    await sql`select pg_sleep(1)`;
    engine.resume();

    expect(await client.wait(id, 30_000)).toMatchObject({
      status: 'failed',
      return_code: 6,
      output: 'ran\n',
    });
    await vi.waitFor(async () => expect(await leftOf(id)).toBe(0), 10_000);
  });

  test('at a kill delays it until the engine answers', async () => {
    const id = await stand.submit({ qname: uniqueName(), run: ['sh', '-c', 'echo ran; sleep 300'] });
    await client.wait(id, 20_000, ({ output }) => output !== '');
    engine.suspend();

    expect(await timed(() => client.kill(id))).toBeLessThan(1_000);
    expect((await client.get(id)).kill_requested).toBe(true);
    expect(['running', 'stopping']).toContain((await client.get(id)).status);
    await sql`select pg_sleep(1)`;
    expect(['running', 'stopping']).toContain((await client.get(id)).status); // Final only when the engine confirms it.
    engine.resume();

    expect(await client.wait(id, 30_000)).toMatchObject({ status: 'failed', kill_requested: true });
    await vi.waitFor(async () => expect(await leftOf(id)).toBe(0), 10_000);
  });

  test('for long stops the claims of the node, with the reason, until it answers', async () => {
    engine.suspend();
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await stand.submit({ qname: uniqueName(), run: ['true'] }));

    await vi.waitFor(async () => {
      const ready = (await (await fetch(`${stint.url}/readyz`)).json()) as object;
      expect(ready).toMatchObject({ takes_no_jobs: expect.stringMatching(/engine did not answer/) });
    }, 20_000);
    expect(await (await fetch(`${stint.url}/v1/api/metrics`)).text()).toContain(
      'stint_claims_blocked{part="engine"} 1',
    );
    const claims = await sql`select 1 from events where kind = 'claimed' and job_id in ${sql(ids)}`;
    expect(claims.length).toBeLessThanOrEqual(2);
    const spent = await sql`select 1 from events where kind = 'unwrapping' and job_id in ${sql(ids)}`;
    expect(spent.length).toBe(0);
    engine.resume();
    await vi.waitFor(async () => expect((await fetch(`${stint.url}/readyz`)).status).toBe(200), 10_000);
    await stand.retryNow();

    for (const id of ids) expect(await client.wait(id, 30_000)).toMatchObject({ status: 'success' });
  });
});
