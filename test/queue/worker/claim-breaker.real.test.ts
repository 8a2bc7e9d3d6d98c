import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { BrokenError } from '../../../src/job/errors.js';
import { ClaimBreaker } from '../../../src/queue/worker/claim-breaker.js';
import type { WorkerParts } from '../../../src/queue/worker/worker.js';
import { openTestDatabase } from '../../support/database.js';
import { everyone, openTestNode, type TestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

function openNode(changes: Partial<WorkerParts> = {}): TestNode {
  const node = openTestNode(store, changes);
  nodes.push(node);
  return node;
}

/** A breaker that probes the fakes, as the real one probes the real parts. */
function createBreaker(probe: () => Promise<void>, onClose: () => void): ClaimBreaker {
  const log = { info: () => undefined, error: () => undefined };
  const parts = ['vault', 'engine'].map((name) => ({ name, code: `${name}_unavailable`, check: probe }));
  return new ClaimBreaker({ parts, onClose, log, times: { probeIntervalMs: 50, probeTimeoutMs: 1_000 } });
}

describe('V5, E3: while a part is unavailable', () => {
  test('jobs stay in the queue untouched, except those that found it out, and all run afterwards', async () => {
    let isUnavailable = true;
    const probe = async () => {
      if (isUnavailable) throw new BrokenError('vault_unavailable', 'Vault is sealed.');
    };
    const breaker: ClaimBreaker = createBreaker(probe, () => node.worker.wake());
    const node: TestNode = openNode({ breaker, slots: 2 });
    node.secrets.fail('lookUp', 'sealed');
    const jobs = [];
    for (let i = 0; i < 6; i++) jobs.push(await node.submit(`q${i}`));

    node.worker.start();
    await expect.poll(() => breaker.openReason()).toMatch('Vault is sealed');
    await sql`update jobs set not_before = null`;
    node.worker.wake();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const events = await sql`select kind from events where job_id in ${sql(jobs.map(({ id }) => id))}`;
    expect(events.filter(({ kind }) => kind === 'claimed').length).toBeLessThanOrEqual(2);
    node.secrets.heal();
    isUnavailable = false;

    for (const job of jobs) await expect.poll(() => node.stateOf(job), { timeout: 30_000 }).toBe('succeeded');
    breaker[Symbol.dispose]();
  });

  test('an encrypted payload is not opened without an engine to run it on', async () => {
    const node = openNode();
    node.worker.start();
    node.backend.isUnavailable = true;
    const ciphertext = node.secrets.encrypt(JSON.stringify({ image: 'busybox', queue: 'q' }));

    const job = await node.submit('q', { payload: { kind: 'ciphertext', ciphertext } });

    await expect
      .poll(() => node.queue.get(job.id, everyone))
      .toMatchObject({ state: 'queued', code: 'engine_unavailable' });
    expect(node.secrets.count('unwrap')).toBe(0);
  });
});

describe('E5: an engine that fails at single jobs', () => {
  test.each([
    ['create', 'broken', 'engine_failed'],
    ['create', 'refused', 'engine_failed'],
    ['download', 'broken', 'engine_failed'],
    ['start', 'container_missing', 'engine_failed'],
    ['upload', 'disk_full', 'engine_unavailable'],
    ['pull', 'timed_out', 'engine_unavailable'],
    ['upload', 'cut', 'engine_unavailable'],
    ['create', 'network_missing', 'engine_unavailable'],
    ['info', 'broken', 'engine_unavailable'],
  ] as const)(
    'stops no claims while it answers its probe: %s is answered with %s',
    async (call, fault, code) => {
      const opened: string[] = [];
      const log = { info: () => undefined, error: (message: string) => void opened.push(message) };
      const part = { name: 'engine', code: 'engine_unavailable', check: async () => undefined };
      const breaker = new ClaimBreaker({ parts: [part], onClose: () => undefined, log });
      const node = openNode({ breaker });
      node.worker.start();
      for (let i = 0; i < 9; i++) {
        node.backend.fail('prepare', new EngineError(call, fault, 'in words that nobody has seen before'));
        const bad = await node.submit(`bad-${i}`);
        await expect.poll(() => node.queue.get(bad.id, everyone)).toMatchObject({ code });
      }

      const good = await node.submit('good');

      await expect.poll(() => node.stateOf(good)).toBe('succeeded');
      expect(opened).toEqual([]);
      breaker[Symbol.dispose]();
    },
  );
});
