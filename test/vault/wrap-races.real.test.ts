import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultOperation } from '../../bench/chaos/history/history.js';
import type { Secret } from '../../src/job/secret.js';
import type { Store } from '../../src/store/store.js';
import { createVaultSecrets, type VaultSecrets } from '../../src/vault/secrets.js';
import { openTestDatabase } from '../support/database.js';
import { FakeBackend } from '../support/fake-backend.js';
import { everyone, openTestNode, type TestNode } from '../support/test-node.js';
import { type LiveBench, startLiveBench } from './live-bench.js';
import { startAuditedVault } from './private-audit.js';

const rounds = 100;
const audited = await startAuditedVault();
const database = await openTestDatabase();
const { store, sql } = database;
const bench: LiveBench = await startLiveBench(audited.vault);
/** Each node has connections and a memory of its own. */
const otherSecrets: VaultSecrets = createVaultSecrets({ ...bench.options, address: audited.vault.address });
afterAll(async () => {
  await otherSecrets[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await audited[Symbol.asyncDispose]();
});

/** One engine for both nodes, so that no start is missed. */
let backend: FakeBackend;
let nodes: [TestNode, TestNode];
beforeEach(async () => {
  await database.clear();
  await sql`truncate nodes`;
  backend = new FakeBackend();
  takeOvers = undefined;
  const shared = { backend, sealKey: Buffer.alloc(32, 7), slots: rounds, leaseMs: 600_000 };
  nodes = [
    openTestNode(takenOver(), { ...shared, node: 'node-a', vault: bench.secrets }),
    openTestNode(store, { ...shared, node: 'node-b', vault: otherSecrets }),
  ];
});
afterEach(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
});

/** Undefined where nobody takes over. */
let takeOvers: Promise<unknown>[] | undefined;

/**
 * The first node's store: right before the unwrap its lease ends, and the other node takes over. In every second round the
 * first node goes on meanwhile.
 */
function takenOver(): Store {
  return {
    ...store,
    markPrepared: async (claim, facts) => {
      await store.markPrepared(claim, facts);
      if (takeOvers === undefined) return;
      const done = takeOver(claim.id);
      takeOvers.push(done);
      if (takeOvers.length % 2 === 0) await done;
    },
  };
}

async function takeOver(id: string): Promise<void> {
  await sql`update jobs set lease_until = clock_timestamp() - interval '1 hour'
            where id = ${id} and node = 'node-a' and node_deaths = 0 and lease_until is not null`;
  await store.settleDeadJobs('node-b', { graceMs: 1_000, holdMs: 600_000 });
  nodes[1].worker.wake();
}

function makeWraps(): Promise<Secret[]> {
  return Promise.all(Array.from({ length: rounds }, () => bench.wrap()));
}

/** A queue of its own for each job: all may run at once. */
function submitTo(node: TestNode, wraps: readonly Secret[], prefix: string) {
  return Promise.all(
    wraps.map((wrappedSecretId, index) => node.submit(`${prefix}-${index}`, { wrappedSecretId })),
  );
}

interface Ended {
  readonly state: string;
  readonly code: string | null;
  readonly alarms: number;
}

async function allEnded(count: number): Promise<Ended[]> {
  const rows = () => sql<Ended[]>`
    select state, code, (select count(*)::int from events where job_id = jobs.id and kind = 'alarm') as alarms
    from jobs where finished_at is not null`;
  await expect.poll(async () => (await rows()).length, { timeout: 60_000, interval: 200 }).toBe(count);
  return rows();
}

function opened(operations: readonly VaultOperation[]): string[] {
  return operations.filter(({ kind, isDone }) => kind === 'unwrap' && isDone).map(({ subject }) => subject);
}

/** How often each job started, where it did. */
function starts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [step, job = ''] of backend.asked.map((each) => each.split(' ')))
    if (step === 'start') counts.set(job, (counts.get(job) ?? 0) + 1);
  return counts;
}

describe(`V3: in ${rounds} rounds at once`, () => {
  test('one wrapping token in two jobs on two nodes is opened once; for the other job it is an alarm', {
    timeout: 120_000,
  }, async () => {
    const wraps = await makeWraps();
    let ended: Ended[] = [];

    const operations = await audited.during(async () => {
      await Promise.all(nodes.map((node, index) => submitTo(node, wraps, `node-${index}`)));
      for (const node of nodes) node.worker.start();
      ended = await allEnded(2 * rounds);
    });

    const winners = ended.filter(({ state }) => state === 'succeeded');
    const losers = ended.filter(({ state }) => state === 'failed');
    expect([winners.length, losers.length]).toEqual([rounds, rounds]);
    expect(losers.every(({ alarms }) => alarms === 1)).toBe(true);
    // Where both are inside Vault at once, Vault 1.13 answers the slower one with 500.
    for (const { code } of losers) expect(['wrap_used', 'vault_reply_lost']).toContain(code);
    expect(new Set(opened(operations)).size).toBe(rounds);
    expect(opened(operations)).toHaveLength(rounds);
    expect([starts().size, Math.max(...starts().values())]).toEqual([rounds, 1]);
  });

  test('two nodes at one job open its wrapping token once and start it at most once; the late one stands down without noise', {
    timeout: 120_000,
  }, async () => {
    const wraps = await makeWraps();
    const [late, other] = nodes;
    const jobs = await submitTo(late, wraps, 'q');
    takeOvers = [];

    const operations = await audited.during(async () => {
      late.worker.start();
      await expect.poll(() => takeOvers?.length).toBeGreaterThan(1); // Or the other might claim all of them first.
      other.worker.start();
      await allEnded(rounds);
      await Promise.all(takeOvers ?? []);
    });

    const ended = await Promise.all(jobs.map(({ id }) => late.queue.get(id, everyone)));
    const kinds = await sql<
      { count: number }[]
    >`select count(*)::int as count from events where kind = 'alarm'
      and job_id in ${sql(jobs.map(({ id }) => id))}`;
    expect(new Set(ended.map(({ state }) => state))).not.toContain('failed');
    expect(ended.filter(({ state }) => state === 'succeeded').length).toBeGreaterThan(0);
    expect(late.logged.filter((line) => line.startsWith('claim lost')).length).toBeGreaterThan(0);
    expect(new Set(opened(operations)).size).toBe(opened(operations).length);
    expect(Math.max(...starts().values())).toBe(1);
    expect(kinds).toEqual([{ count: 0 }]);
  });
});
