import { setTimeout as delay } from 'node:timers/promises';
import connect from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startPostgres } from '../../rig/postgres/postgres.js';
import { TcpProxy, through } from '../../rig/tcp-proxy.js';
import { openStore } from '../../src/store/store.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand, shortestWait } from './stand.js';

// Q4: the primary dies for good, and a synchronous standby takes its place behind the same address.

const { own: primary } = await startPostgres({ alwaysOwn: true });
if (primary === undefined) throw new Error('Expected a private server.');
const standby = await primary.startStandby();
const atStandby = connect(standby.url, { max: 2, onnotice: () => undefined });
const way = await TcpProxy.start({ to: { host: '127.0.0.1', port: primary.port } });
const stand = await openStand({ databaseServer: through(primary.url, way), settings: { STINT_SLOTS: '4' } });

/** Errors that would end a real process. */
const fatal: unknown[] = [];
const remember = (error: unknown) => void fatal.push(error);
process.on('uncaughtException', remember);
process.on('unhandledRejection', remember);
beforeAll(async () => {
  await followSynchronously();
});
afterEach(() => {
  if (fatal.length > 0) throw fatal[0];
});
afterAll(async () => {
  process.off('uncaughtException', remember);
  process.off('unhandledRejection', remember);
  await stand[Symbol.asyncDispose]();
  await atStandby.end({ timeout: 1 });
  for (const each of [way, standby, primary]) await each[Symbol.asyncDispose]();
});

/** From now on a commit waits until the standby has it too. */
async function followSynchronously(): Promise<void> {
  await stand.sql`alter system set synchronous_standby_names = '*'`;
  await stand.sql`select pg_reload_conf()`;
  const states = async () => await stand.sql`select sync_state as state from pg_stat_replication`;
  await vi.waitFor(async () => expect(await states()).toEqual([{ state: 'sync' }]), 20_000);
}

test('Q4: a start on a standby is refused, and says why', async () => {
  const opening = openStore(standby.url, 'migrations');

  await expect(opening).rejects.toMatchObject({
    code: 'database_unavailable',
    message: 'Could not use this Postgres: it is a standby. Give the primary.',
  });
});

test('Q4: a fail-over to a synchronous standby loses and doubles nothing', { timeout: 120_000 }, async () => {
  const qname = uniqueName();
  const printing = 'for i in $(seq 1 60); do echo line $i; sleep 0.1; done';
  const running = await stand.submit({ qname, run: ['sh', '-c', printing] });
  const waiting = await stand.submit({ qname, run: ['true'] });
  await vi.waitFor(async () => expect((await stand.look(running)).state).toBe('running'), 20_000);
  const load = keepSubmitting();
  await vi.waitFor(() => expect(load.ids.length).toBeGreaterThan(4), 30_000);

  await primary.stop('immediate');
  way.redirect({ host: '127.0.0.1', port: standby.port });
  await expectNoServiceAtStandby(running);
  await atStandby`select pg_promote()`;

  await vi.waitFor(async () => expect(await readiness()).toBe(200), 20_000);
  const taken = load.ids.length;
  await vi.waitFor(() => expect(load.ids.length).toBeGreaterThan(taken + 3), 30_000);
  const ids = [running, waiting, ...(await load.end())];
  for (const id of ids) {
    await vi.waitFor(async () => expect((await stand.look(id)).state).toBe('succeeded'), 60_000);
    const job = await stand.look(id);
    expect(job).toMatchObject({ output_complete: true, exit_code: 0 });
    expect(job.kinds.filter((kind) => kind === 'running')).toHaveLength(1);
  }
  const whole = Array.from({ length: 60 }, (_, n) => `line ${n + 1}\n`).join('');
  expect((await stand.client.get(running)).output).toBe(whole);
  // Also jobs whose submit had no answer.
  const others = async () => await stand.sql`select id, state from jobs where state <> 'succeeded'`;
  await vi.waitFor(async () => expect(await others()).toEqual([]), 60_000);
  expect(await shortestWait(stand)).toBeLessThan(1); // The connection for notifications works again too.
});

/** Jobs in three queues, one after the other, and those of them that were accepted. */
function keepSubmitting(): { readonly ids: readonly string[]; end(): Promise<readonly string[]> } {
  const ids: string[] = [];
  const over = new AbortController();
  const clients = Array.from({ length: 3 }, async () => {
    const qname = uniqueName();
    for (; !over.signal.aborted; await delay(200))
      await stand
        .submit({ qname, run: ['true'] })
        .then((id) => ids.push(id))
        .catch(() => undefined);
  });
  return {
    ids,
    end: async () => {
      over.abort();
      await Promise.all(clients);
      return ids;
    },
  };
}

/** A server that is read-only answers with old data, which stint must not use. */
async function expectNoServiceAtStandby(id: string): Promise<void> {
  await vi.waitFor(async () => expect(await readiness()).toBe(503), 10_000);
  for (let round = 0; round < 10; round++) {
    await delay(200);
    await expect(stand.client.get(id)).rejects.toMatchObject({ status: 500, body: { error: isStandby } });
    expect(await readiness()).toBe(503);
  }
  const rows = await atStandby`
    select count(*)::int as count from pg_stat_activity where application_name = 'stint' and state = 'active'`;
  expect(rows).toEqual([{ count: 0 }]);
}

const isStandby = expect.stringContaining('it is a standby') as string;

async function readiness(): Promise<number> {
  return (await fetch(`${stand.stint.url}/readyz`)).status;
}
