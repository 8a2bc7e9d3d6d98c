import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { startPostgres } from '../../rig/postgres/postgres.js';
import { openStore } from '../../src/store/store.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand, shortestWait } from './stand.js';

const { own } = await startPostgres({ alwaysOwn: true });
if (own === undefined) throw new Error('Expected a private server.');
const server = own;
const stand = await openStand({ databaseServer: server.url, settings: { STINT_SLOTS: '4' } });
const { sql } = stand;

/** Errors that would end a real process. */
const fatal: unknown[] = [];
const remember = (error: unknown) => void fatal.push(error);
process.on('uncaughtException', remember);
process.on('unhandledRejection', remember);
afterEach(() => {
  if (fatal.length > 0) throw fatal[0];
});
afterAll(async () => {
  process.off('uncaughtException', remember);
  process.off('unhandledRejection', remember);
  await stand[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Submits jobs into three queues as fast as it can while `fault` lasts. Returns those that were accepted. */
async function submitDuring(fault: () => Promise<void>): Promise<string[]> {
  const ids: string[] = [];
  const over = new AbortController();
  const load = [0, 1, 2].map(async (n) => {
    const qname = uniqueName();
    for (let i = 0; i < 5 || !over.signal.aborted; i++) {
      const submitted = stand.submit({ qname, run: ['sh', '-c', `echo ${n} ${i}`] });
      await submitted.then((id) => ids.push(id)).catch(() => delay(50));
      if (ids.length > 30) break;
    }
  });
  await fault();
  over.abort();
  await Promise.all(load);
  return ids;
}

/** Each ran exactly once, with its true end and complete output. */
async function expectAllWell(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await vi.waitFor(async () => expect((await stand.look(id)).state).toBe('succeeded'), 40_000);
    const job = await stand.look(id);
    expect(job).toMatchObject({ output_complete: true, exit_code: 0 });
    expect(job.kinds.filter((kind) => kind === 'running' || kind === 'succeeded')).toEqual([
      'running',
      'succeeded',
    ]);
  }
  // Also jobs whose submit had no answer.
  await expect
    .poll(async () => (await sql`select 1 from jobs where state <> 'succeeded'`).length, { timeout: 20_000 })
    .toBe(0);
  const containers = await stand.docker.listContainers({ all: true, filters: { label: ['stint.job'] } });
  const ours = containers.filter(({ Labels }) => ids.includes(Labels['stint.job'] ?? ''));
  expect(ours).toEqual([]);
}

async function terminateAll(): Promise<void> {
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stint' or application_name like 'post%'
      and pid <> pg_backend_pid()`.catch(() => undefined);
}

test.each(['fast', 'immediate'] as const)(
  'Q4: restarts (%s) under load lose and double nothing',
  async (mode) => {
    const ids = await submitDuring(async () => {
      for (let round = 0; round < 2; round++) {
        await delay(400);
        await server.restart(mode);
      }
    });

    expect(ids.length).toBeGreaterThan(1);
    await expectAllWell(ids);
  },
);

test('Q4: sessions that are terminated again and again lose and double nothing', async () => {
  const ids = await submitDuring(async () => {
    for (let round = 0; round < 15; round++) {
      await delay(150);
      await terminateAll();
    }
  });

  expect(ids.length).toBeGreaterThan(1);
  await expectAllWell(ids);
});

test('Q4: a Postgres that is suspended for half a minute loses and doubles nothing', {
  timeout: 120_000,
}, async () => {
  const ids = await submitDuring(async () => {
    await delay(500);
    await pauseServer(30_000);
  });

  expect(ids.length).toBeGreaterThan(1);
  await expectAllWell(ids);
});

/** Suspends all processes of the server: the one that listens, and one for each session. */
async function pauseServer(ms: number): Promise<void> {
  const sessions = await sql`select pid from pg_stat_activity where application_name = 'stint'`;
  const pids = sessions.map(({ pid }) => Number(pid));
  if (server.pid !== undefined) pids.push(server.pid);
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  signalAll('SIGSTOP');
  try {
    await delay(ms);
  } finally {
    signalAll('SIGCONT');
  }
}

test('Q4: notifications arrive again afterwards', async () => {
  await terminateAll();
  await vi.waitFor(async () => expect((await fetch(`${stand.stint.url}/readyz`)).status).toBe(200), 10_000);
  expect(await shortestWait(stand)).toBeLessThan(1);
});

test('Q4: a start whose migration loses its connection fails with an error, not a crash', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stint-migrations-'));
  await mkdir(join(folder, 'meta'));
  const entry = { idx: 0, version: '7', when: 1, tag: '0001_slow', breakpoints: true };
  await writeFile(join(folder, 'meta', '_journal.json'), JSON.stringify({ entries: [entry] }));
  await writeFile(join(folder, '0001_slow.sql'), 'select pg_sleep(20);');
  await sql`create database fresh`;
  const url = new URL(server.url);
  url.pathname = '/fresh';
  for (let round = 0; round < 3; round++) {
    const opening = openStore(url.href, folder).catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await terminate('%pg_sleep(20)%')).toBe(1), 10_000);
    expect(await opening).toMatchObject({ name: 'BrokenError', code: 'database_unavailable' });
  }
  await rm(folder, { recursive: true });
});

async function terminate(matching: string): Promise<number> {
  const rows = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity where query like ${matching} and pid <> pg_backend_pid()`;
  return rows.length;
}
