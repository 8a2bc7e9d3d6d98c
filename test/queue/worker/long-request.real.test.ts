import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../../src/job/payload/memory-budget.js';
import { tarOf } from '../../support/archives.js';
import { openTestDatabase } from '../../support/database.js';
import { caller, everyone, openTestNode, type TestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

let node: TestNode;
beforeEach(() => {
  node = openTestNode(store);
});
afterEach(() => node[Symbol.asyncDispose]());

describe('a job with a long request', () => {
  test('gets all of its content, and nothing of the request is left', async () => {
    node.worker.start();
    const archive = await tarOf([
      { name: 'gostint.yml', body: 'container_image: from-content' },
      { name: 'f', body: randomBytes(700_000) },
    ]);

    const job = await node.submit('q', { fields: { content: archive.toString('base64') } });

    await expect.poll(() => node.stateOf(job)).toBe('succeeded');
    expect((await node.queue.get(job.id, everyone)).image).toBe('from-content');
    expect(await sql`select 1 from job_requests`).toEqual([]);
    expect(await sql`select 1 from request_parts`).toEqual([]);
  });

  test('fails when the end of its request is gone', async () => {
    const content = (await tarOf([{ name: 'f', body: randomBytes(300_000) }])).toString('base64');
    const job = await node.submit('q', { fields: { image: 'busybox', content } });
    await sql`update job_requests set sealed = substring(sealed from 1 for 200000)`;

    node.worker.start();

    await expect.poll(() => node.stateOf(job)).toBe('failed');
    expect((await node.queue.get(job.id, everyone)).code).toBe('request_not_authentic');
  });
});

describe('C9: jobs with long requests', () => {
  let bounded: TestNode;
  beforeEach(() => {
    bounded = openTestNode(store, { memory: new MemoryBudget(3_000_000) });
    bounded.worker.start();
  });
  afterEach(() => bounded[Symbol.asyncDispose]());

  async function submitLong(queue: string) {
    const archive = await tarOf([{ name: 'f', body: randomBytes(600_000) }]);
    return bounded.submit(queue, { fields: { image: 'busybox', content: archive.toString('base64') } });
  }

  test('wait for each other where they would take too much together, with their credentials, and short ones do not', async () => {
    const hold = bounded.backend.hold('start');
    const first = await submitLong('a');
    await hold.reached;

    const second = await submitLong('b');
    await expect.poll(() => bounded.stateOf(second)).toBe('preparing');
    const short = await bounded.submit('c');
    await expect.poll(() => bounded.backend.asked).toContain(`start ${short.id}`);
    expect(bounded.backend.asked.filter((step) => step.includes(second.id))).toEqual([]);
    expect(bounded.secrets.count('unwrap')).toBe(2);
    hold.release();

    await expect.poll(() => bounded.stateOf(first)).toBe('succeeded');
    await expect.poll(() => bounded.stateOf(second)).toBe('succeeded');
  });

  test('may be killed while they wait, and then keep nobody waiting', async () => {
    const hold = bounded.backend.hold('start');
    await submitLong('a');
    await hold.reached;
    const second = await submitLong('b');
    await expect.poll(() => bounded.stateOf(second)).toBe('preparing');

    await bounded.queue.kill(second.id, everyone, caller);
    await expect.poll(() => bounded.stateOf(second)).toBe('canceled');
    hold.release();

    const third = await submitLong('c');
    await expect.poll(() => bounded.stateOf(third)).toBe('succeeded');
  });
});
