import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { uniqueName, VaultOperator } from '../journey/vault-operator.js';
import { rigPart } from '../support/rig-part.js';
import { type Fault, FaultProxy, sealed } from '../vault/fault-proxy.js';
import { image, openStand } from './stand.js';

const prepared = await rigPart('preparedVault');
const proxy = await FaultProxy.start(prepared.address);
const stand = await openStand({ vaultAddress: proxy.address });
const { client } = stand;
const operator = new VaultOperator(prepared);
afterEach(() => proxy.heal());
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

function answer(status: number, ...errors: string[]): Fault {
  return { kind: 'answer', status, body: { errors } };
}

/** After these faults Vault has certainly not carried out the request. */
const refusing: Readonly<Record<string, Fault>> = {
  sealed,
  standby: answer(500, 'local node not active but active cluster node not found'),
  'over its rate': answer(429),
  'behind its index': answer(412),
};
/** After these faults it is not known whether Vault carried out the request. */
const failing: Readonly<Record<string, Fault>> = {
  failing: answer(500, 'internal error'),
  'behind a proxy without it': answer(502),
  cut: { kind: 'cut' },
  silent: { kind: 'hang' },
};
const allFaults = Object.entries({ ...refusing, ...failing });

const callerCheck = /^auth\/token\/lookup-self$/;
const cubbyhole = /^cubbyhole\//;
const lookUp = /^sys\/wrapping\/lookup$/;
const unwrap = /^sys\/wrapping\/unwrap$/;
const login = /^auth\/approle\/login$/;
const decrypt = /^transit\/decrypt\//;

async function countJobs(): Promise<number> {
  const [row] = await stand.sql`select count(*)::int as count from jobs`;
  return row?.count ?? 0;
}

/** A complete request, made before the fault. */
async function newRequest(): Promise<object> {
  const payload = { qname: 'door', container_image: image, run: ['true'] };
  const cubby = await client.leaveInCubbyhole(await client.encrypt(payload));
  return { qname: 'door', ...cubby, wrap_secret_id: await client.wrapSecretId() };
}

describe('V5: at the door', () => {
  test.each(allFaults)('a caller is never refused because Vault is %s', async (_, fault) => {
    const request = await newRequest();
    const before = await countJobs();
    const { auth } = await operator.write('auth/token/create', { policies: ['default'] });
    const headers = { 'X-Auth-Token': auth.client_token };
    proxy.spoil(callerCheck, fault);

    const response = await fetch(`${stand.stint.url}/v1/api/job`, {
      method: 'POST',
      headers,
      body: JSON.stringify(request),
    });

    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      status: 'Internal Error.',
      error: expect.stringMatching(/^Could not check the caller's token: Vault .*\./),
    });
    expect(await countJobs()).toBe(before);
    proxy.heal();
    await client.post(request);
  });

  test.each(allFaults)(
    'a payload stays unread while Vault is %s, and no incomplete job is kept',
    async (_, fault) => {
      const request = await newRequest();
      const before = await countJobs();
      proxy.spoil(cubbyhole, fault);

      await expect(client.post(request)).rejects.toMatchObject({
        status: 500,
        body: {
          status: 'Internal Error.',
          error: expect.stringMatching(/^Could not read the payload of this job from its cubbyhole: Vault /),
        },
      });

      expect(await countJobs()).toBe(before);
      proxy.heal();
      const { _id: id } = await client.post(request);
      expect(await client.wait(id)).toMatchObject({ status: 'success' });
    },
  );
});

describe('V5: at the start', () => {
  const phases: [string, RegExp, Readonly<Record<string, Fault>>][] = [
    ['look-up', lookUp, { ...refusing, ...failing }],
    ['unwrap', unwrap, refusing],
  ];
  const cases = phases.flatMap(([phase, path, faults]) =>
    Object.entries(faults).map(([name, fault]) => [phase, name, path, fault] as const),
  );

  test.each(cases)(
    'at the %s a job waits while Vault is %s, and runs afterwards',
    async (_, __, path, fault) => {
      proxy.spoil(path, fault);
      const id = await stand.submit({ qname: uniqueName(), run: ['echo', 'ran'] });
      const waiting = await vi.waitFor(async () => {
        const job = await stand.look(id);
        expect(job.kinds).toContain('postponed');
        return job;
      }, 10_000);
      expect(waiting).toMatchObject({
        state: 'queued',
        code: 'vault_unavailable',
        message: expect.stringMatching(/^Could not .* of this job: Vault .*\. [A-Z]/),
        unwrapped_at: null,
        sealed: true,
      });

      proxy.heal();
      await stand.retryNow();

      expect(await client.wait(id, 15_000)).toMatchObject({ status: 'success', output: 'ran\n' });
    },
  );

  test.each([
    ['login', login],
    ['decryption', decrypt],
  ])('a job that has unwrapped its SecretID goes on when Vault answers again at the %s', async (_, path) => {
    proxy.spoil(path, sealed, 2);

    const id = await stand.submit({ qname: uniqueName(), run: ['echo', 'ran'] });

    expect(await client.wait(id, 15_000)).toMatchObject({ status: 'success', output: 'ran\n' });
    expect(proxy.count(path)).toBeGreaterThanOrEqual(3);
  });
});
