import connect from 'postgres';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { startVaultServer } from '../../rig/vault/vault-server.js';
import { bootstrapVault } from '../../vault-dev/bootstrap.js';
import { startSlowRegistry } from './slow-registry.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

/** Private, because these tests seal and suspend it. */
const server = await startVaultServer({ alwaysOwn: true });
const { address, rootToken, unsealKey, pid } = server;
const setup = await bootstrapVault({ address, token: rootToken });
const slow = await startSlowRegistry();
const on = await startStintOnRig(
  {
    DOCKER_HOST: slow.dockerHost,
    STINT_ALLOW_IMAGES: `public,${slow.registry.host}/**`,
    STINT_VAULT_TIMEOUT: '1s',
  },
  { address, rootToken, setup },
);
const sql = connect(on.databaseUrl, { max: 1 });
const { client } = on;
afterEach(() => {
  process.kill(pid ?? Number.NaN, 'SIGCONT');
  slow.resume();
});
afterAll(async () => {
  await sql.end();
  await on[Symbol.asyncDispose]();
  await slow[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const operator = new VaultOperator(on.vault);

/** Submits a job that gets its turn when `begin` is called: until then another job of its queue pulls an image. */
async function submitBehindPull(): Promise<{ id: string; begin(): void }> {
  const qname = uniqueName();
  slow.registry.suspend();
  await client.post({
    qname,
    wrap_secret_id: await client.wrapSecretId(),
    container_image: `${slow.registry.host}/not/there:1`,
  });
  await vi.waitFor(async () => expect(await slow.isAsked()).toBe(true), 10_000);
  const id = await client.submit({ qname, container_image: image, run: ['echo', 'ran'] });
  return { id, begin: () => slow.resume() };
}

/** Directly from Postgres: while Vault is unavailable the API answers nobody. */
async function waitForPostponement(id: string): Promise<object> {
  return await vi.waitFor(async () => {
    const [event] = await sql`select detail from events where job_id = ${id} and kind = 'postponed'`;
    expect(event).toBeDefined();
    const [job] = await sql`
      select state, code, message, unwrapped_at, exists (select from job_requests where job_id = ${id}) as sealed
      from jobs where id = ${id}`;
    return { ...event?.detail, ...job };
  }, 20_000);
}

/** Nothing is spent, and the sealed credentials are still stored. */
const waitingUnspent = { state: 'queued', code: 'vault_unavailable', unwrapped_at: null, sealed: true };

test('a job whose turn comes while Vault is sealed waits with its credentials, and runs after the unsealing', async () => {
  const { id, begin } = await submitBehindPull();
  await operator.write('sys/seal', {});
  begin();

  const waiting = await waitForPostponement(id);
  const readiness = await (await fetch(`${on.stint.url}/readyz`)).json();
  const queued = await client.get(id); // The caller check is cached for a moment.
  await operator.write('sys/unseal', { key: unsealKey });

  expect(waiting).toMatchObject({
    ...waitingUnspent,
    message: 'Could not look up the wrapped SecretID of this job: Vault is sealed (status 503). Unseal it.',
  });
  expect(readiness).toMatchObject({ parts: { Vault: { ready: false, message: 'Vault is sealed.' } } });
  expect(queued).toMatchObject({ status: 'queued', started: '0001-01-01T00:00:00Z' });
  expect(await client.wait(id)).toMatchObject({ status: 'success', output: 'ran\n' });
});

test('a job whose turn comes while Vault does not answer waits with its credentials, and runs afterwards', async () => {
  const { id, begin } = await submitBehindPull();
  process.kill(pid ?? Number.NaN, 'SIGSTOP');
  begin();

  const waiting = await waitForPostponement(id);
  process.kill(pid ?? Number.NaN, 'SIGCONT');

  expect(waiting).toMatchObject({
    ...waitingUnspent,
    message: expect.stringContaining('Vault did not answer (timeout). Check VAULT_ADDR'),
  });
  expect(await client.wait(id)).toMatchObject({ status: 'success', output: 'ran\n' });
});
