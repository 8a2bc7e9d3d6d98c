import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { uniqueName, VaultOperator } from '../journey/vault-operator.js';
import { rigPart } from '../support/rig-part.js';
import { FaultProxy } from '../vault/fault-proxy.js';
import { image, openStand } from './stand.js';

const prepared = await rigPart('preparedVault');
const proxy = await FaultProxy.start(prepared.address);
const stand = await openStand({ vaultAddress: proxy.address });
const { client } = stand;
const operator = new VaultOperator(prepared);
/** The server's own login is made before any fault. */
beforeAll(async () => {
  await vi.waitUntil(() => proxy.count(login) > 0, 10_000);
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

const login = /^auth\/approle\/login$/;
const alarms = 'stint_alarms_total{code="vault_reply_lost"}';

async function countAlarms(): Promise<number> {
  const metrics = String(await client.stint('GET', '/v1/api/metrics'));
  const line = metrics.split('\n').find((each) => each.startsWith(alarms));
  return Number(line?.slice(alarms.length) ?? 0);
}

function loggedAlarms(): unknown[] {
  const lines = stand
    .log()
    .split('\n')
    .filter((line) => line.includes('"alarm":true'));
  return lines.map((line): unknown => JSON.parse(line));
}

/** The accessor of the SecretID in the job's wrapping token. */
async function wrapSecretId(): Promise<{ token: string; accessor: string }> {
  const path = `auth/approle/role/${prepared.setup.roleName}/secret-id`;
  const { wrap_info: info } = await operator.write(path, {}, { 'X-Vault-Wrap-TTL': '600' });
  return { token: info.token, accessor: String((info as { wrapped_accessor?: string }).wrapped_accessor) };
}

describe('V4: Vault carried it out, and its reply is lost', () => {
  test.each([
    ['unwrap', /^sys\/wrapping\/unwrap$/],
    ['login', login],
  ])(
    'of the %s: never repeated; the job fails with an alarm, and the next one of its queue runs',
    async (_, path) => {
      const qname = uniqueName();
      const before = { asked: proxy.count(path), alarms: await countAlarms(), logged: loggedAlarms().length };
      proxy.spoil(path, { kind: 'drop_reply' }, 1);

      const { _id: id } = await client.post({
        qname,
        wrap_secret_id: (await wrapSecretId()).token,
        container_image: image,
        run: ['echo', 'ran'],
      });
      expect(await client.wait(id, 15_000)).toMatchObject({ status: 'failed', return_code: 125 });
      const asked = proxy.count(path) - before.asked;
      const next = await client.wait(await stand.submit({ qname, run: ['true'] }), 15_000);

      expect(await stand.look(id)).toMatchObject({
        state: 'failed',
        reason: 'infrastructure',
        code: 'vault_reply_lost',
        token_accessor: null,
        sealed: false,
        kinds: expect.not.arrayContaining(['running']),
      });
      expect((await stand.look(id)).kinds.filter((kind) => kind === 'alarm')).toHaveLength(1);
      expect(asked).toBe(1);
      expect(next).toMatchObject({ status: 'success' });
      expect(await countAlarms()).toBe(before.alarms + 1);
      expect(loggedAlarms().slice(before.logged)).toEqual([
        expect.objectContaining({ jobId: id, code: 'vault_reply_lost' }),
      ]);
    },
  );

  test('of the login, which may never have arrived: a SecretID that is still good is destroyed by its accessor', async () => {
    const { token, accessor } = await wrapSecretId();
    proxy.spoil(login, { kind: 'cut' }, 1);

    const { _id: id } = await client.post({ wrap_secret_id: token, container_image: image, run: ['true'] });
    expect(await client.wait(id, 15_000)).toMatchObject({ status: 'failed' });

    const path = `auth/approle/role/${prepared.setup.roleName}/secret-id-accessor/lookup`;
    const answer = await operator.ask('POST', path, { body: { secret_id_accessor: accessor } });
    expect(answer.status).not.toBe(200);
  });
});

describe('V4: Vault gave the payload, and its reply is lost', () => {
  test('the submit is refused with an alarm, and stores no job', async () => {
    const qname = uniqueName();
    const cubbyhole = await client.leaveInCubbyhole(await client.encrypt({ container_image: image }));
    const before = { asked: proxy.count(/^cubbyhole/), alarms: await countAlarms() };
    proxy.spoil(/^cubbyhole/, { kind: 'drop_reply' }, 1);

    const post = client.post({ qname, ...cubbyhole, wrap_secret_id: (await wrapSecretId()).token });
    await expect(post).rejects.toMatchObject({
      status: 500,
      body: { error: expect.stringContaining('by somebody else: submit the job again with a new one') },
    });

    expect(proxy.count(/^cubbyhole/) - before.asked).toBe(1);
    expect(await countAlarms()).toBe(before.alarms + 1);
    expect(loggedAlarms().at(-1)).toMatchObject({ code: 'vault_reply_lost' });
    expect(
      await stand.sql`select kind, detail ->> 'code' as code from events where queue = ${qname}`,
    ).toEqual([{ kind: 'alarm', code: 'vault_reply_lost' }]);
    expect(await stand.sql`select id from jobs where queue = ${qname}`).toEqual([]);
  });
});
