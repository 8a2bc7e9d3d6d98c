import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OwnPostgres, startPostgres } from '../../rig/postgres/postgres.js';
import { openStore, type Store } from '../../src/store/store.js';
import { everyone, openTestNode } from '../support/test-node.js';

let server: OwnPostgres;
let store: Store & AsyncDisposable;

beforeAll(async () => {
  const { own } = await startPostgres({ alwaysOwn: true });
  if (own === undefined) throw new Error('Expected a server of our own.');
  server = own;
  store = await openStore(server.url, 'migrations');
});

afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test.each(['fast', 'immediate'] as const)(
  'jobs outlive a restart of Postgres (%s): each runs once and is recorded',
  { timeout: 90_000 },
  async (mode) => {
    await using node = openTestNode(store, { leaseMs: 600 });
    node.backend.runs([{ print: 'worked' }]);
    const hold = node.backend.hold('wait');
    node.worker.start();
    const jobs = [];
    for (let i = 0; i < 9; i++) jobs.push(await node.submit(`${mode}-${i % 3}`));
    await hold.reached;

    await server.stop(mode);
    hold.release();
    await expect.poll(() => node.logged.some((line) => line.startsWith('could not'))).toBe(true);
    await server.start();

    for (const { id } of jobs) {
      const state = () => node.queue.get(id, everyone).then((job) => job.state, String);
      await expect.poll(state, { timeout: 60_000 }).toBe('succeeded');
      expect(Buffer.from((await node.queue.output(id, everyone)).combined).toString()).toBe('worked');
    }
    expect(node.backend.count('start')).toBe(9);
    expect(node.backend.left).toEqual([]);
    expect(node.secrets.alive).toEqual([]);
  },
);
