import { afterAll, expect, test, vi } from 'vitest';
import { startVaultServer } from '../../rig/vault/vault-server.js';
import { bootstrapVault } from '../../vault-dev/bootstrap.js';
import { VaultOperator } from '../journey/vault-operator.js';
import { FaultProxy } from '../vault/fault-proxy.js';
import { openStand } from './stand.js';

/** Private, because it is sealed, suspended and killed here. The proxy only counts requests. */
const server = await startVaultServer({ alwaysOwn: true });
const { address, rootToken, unsealKey } = server;
const pid = server.pid ?? Number.NaN;
const setup = await bootstrapVault({ address, token: rootToken });
const proxy = await FaultProxy.start(address);
const slots = 2;
const stand = await openStand({
  vault: { address, rootToken, setup },
  vaultAddress: proxy.address,
  settings: { STINT_SLOTS: String(slots) },
});
const { client, sql } = stand;
const operator = new VaultOperator({ address, rootToken });
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Runs as many jobs as there are slots; the others wait in separate queues. */
async function fillSlots(name: string, waiting: number): Promise<{ running: string[]; waiting: string[] }> {
  const all = [];
  for (let i = 0; i < slots; i++) all.push(await stand.submit({ qname: `${name}-a${i}`, run: running }));
  for (const id of all) await client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  const rest = [];
  for (let i = 0; i < waiting; i++)
    rest.push(await stand.submit({ qname: `${name}-b${i}`, run: ['echo', 'ran'] }));
  return { running: all, waiting: rest };
}

/** Long enough that all waiting jobs are posted and Vault is taken away while it runs, on a loaded machine too. */
const running = ['sh', '-c', 'echo begun; sleep 6; echo done'];

async function readReadiness(): Promise<{ status: string; takes_no_jobs?: string }> {
  return (await (await fetch(`${stand.stint.url}/readyz`)).json()) as { status: string };
}

async function countEvents(kind: string, ids: readonly string[]): Promise<number> {
  const rows = await sql`select 1 from events where kind = ${kind} and job_id in ${sql(ids)}`;
  return rows.length;
}

/** Checks that these jobs ran or waited while Vault was unavailable, and that all succeed when it answers again. */
async function expectWaiting(jobs: Awaited<ReturnType<typeof fillSlots>>, heal: () => Promise<unknown>) {
  const stateOf = async (id: string) => (await stand.look(id)).state;
  for (const id of jobs.running) await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('succeeded');
  await vi.waitFor(async () => expect((await readReadiness()).takes_no_jobs).toMatch(/Vault/), 15_000);
  const metrics = await (await fetch(`${stand.stint.url}/v1/api/metrics`)).text();
  expect(metrics).toContain('stint_claims_blocked{part="vault"} 1');
  const asked = proxy.asked.length;
  await stand.retryNow(); // Jobs that are due for a retry must not be claimed.
  await vi.waitFor(() => expect(proxy.count(/^sys\/health/)).toBeGreaterThan(2), 15_000);
  expect(await countEvents('postponed', jobs.waiting)).toBeLessThanOrEqual(2 * slots);
  expect(await countEvents('unwrapping', jobs.waiting)).toBe(0);
  expect(proxy.asked.length - asked).toBeLessThan(20);
  const logins = proxy.count(/approle\/login$/);

  await heal();
  await stand.retryNow();

  for (const id of jobs.waiting) await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('succeeded');
  const again = proxy.count(/approle\/login$/) - logins;
  expect(again).toBeLessThanOrEqual(jobs.waiting.length + 2); // One for each job; the server's own login may come too.
}

test('V5: while Vault is sealed running jobs end as they would, and waiting ones wait for it', async () => {
  const jobs = await fillSlots('sealed', 6);
  await operator.write('sys/seal', {});

  await expectWaiting(jobs, () => operator.write('sys/unseal', { key: unsealKey }));

  for (const id of jobs.running) expect((await client.get(id)).output).toBe('begun\ndone\n');
});

test('V5, V7: tokens that could not be revoked are revoked when Vault is back', {
  timeout: 90_000,
}, async () => {
  const jobs = await fillSlots('outbox', 0);
  const [accessor] = await Promise.all(jobs.running.map(async (id) => (await stand.look(id)).token_accessor));
  await operator.write('sys/seal', {});
  for (const id of jobs.running)
    await expect.poll(async () => (await stand.look(id)).state, { timeout: 20_000 }).toBe('succeeded');
  expect((await stand.look(jobs.running[0] ?? '')).token_accessor).toBe(accessor);

  await operator.write('sys/unseal', { key: unsealKey });
  expect((await operator.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } })).status).toBe(200);

  for (const id of jobs.running)
    await expect.poll(async () => (await stand.look(id)).token_accessor, { timeout: 60_000 }).toBeNull();
  expect((await operator.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } })).status).not.toBe(
    200,
  );
});

test('V5: while Vault does not answer at all running jobs end as they would, and waiting ones wait for it', async () => {
  const jobs = await fillSlots('silent', 4);
  process.kill(pid, 'SIGSTOP');

  await expectWaiting(jobs, async () => process.kill(pid, 'SIGCONT'));

  for (const id of jobs.running) expect((await client.get(id)).output).toBe('begun\ndone\n');
});

test('V5: while Vault is gone the node waits for it, and health and readiness can be read', async () => {
  const jobs = await fillSlots('dead', 2);
  process.kill(pid, 'SIGKILL');

  for (const id of jobs.running)
    await expect.poll(async () => (await stand.look(id)).state, { timeout: 20_000 }).toBe('succeeded');
  await vi.waitFor(async () => expect((await readReadiness()).takes_no_jobs).toMatch(/Vault/), 15_000);

  expect(await (await fetch(`${stand.stint.url}/v1/api/health`)).json()).toMatchObject({
    queued_jobs: '2',
    state: 'active',
  });
  const refused = await client.get(jobs.waiting[0] ?? '').catch((error: unknown) => error);
  expect(refused).toMatchObject({
    status: 500,
    body: { error: expect.stringMatching(/Vault (cannot be reached|did not answer)/) },
  });
});
