import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tarOf } from '../../support/archives.js';
import { openTestDatabase } from '../../support/database.js';
import { everyone, openTestNode, type TestNode } from '../../support/test-node.js';

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
