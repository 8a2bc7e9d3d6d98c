import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobRequest } from '../../../src/job/job.js';
import { createQueue } from '../../../src/queue/service/queue-service.js';
import { openRequest } from '../../../src/queue/service/seal.js';
import type { Store } from '../../../src/store/store.js';
import { tarOf } from '../../support/archives.js';
import { openTestDatabase } from '../../support/database.js';
import { noParents } from '../../support/fake-queue.js';
import { claimOne, owner } from '../../support/stored-jobs.js';
import { openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** The queue of a node whose worker never starts. */
function openLine(changes: Partial<Store> = {}) {
  const { secrets, backend, sealKey } = openTestNode(store);
  const queue = createQueue({
    store: { ...store, ...changes },
    secrets,
    backend,
    sealKey,
    keyTtlMs: 60_000,
    queueLimit: 0,
    wrapMinimumMs: 0,
    wake: () => undefined,
    forwardKill: () => undefined,
    parents: noParents,
  });
  const request = (changed: Partial<JobRequest> = {}): JobRequest => ({
    door: 'gostint',
    queue: 'q',
    owner,
    wrappedSecretId: secrets.addWrap(),
    payload: { kind: 'none' },
    fields: { image: 'busybox' },
    ...changed,
  });
  return { queue, sealKey, request };
}

/** A tar with one file of random bytes, as base64. */
async function longContent(bytes: number): Promise<Buffer> {
  const archive = await tarOf([{ name: 'f', body: randomBytes(bytes) }]);
  return Buffer.from(`targz,${archive.toString('base64')}`);
}

/** A store that notes the size of everything sealed that one statement carries. */
function watched(sizes: number[]): Partial<Store> {
  return {
    insertJob: (job) => {
      sizes.push(job.sealed.length);
      return store.insertJob(job);
    },
    storeSealedPart: (part) => {
      sizes.push(part.sealed.length);
      return store.storeSealedPart(part);
    },
  };
}

describe('a submit of a long request', () => {
  test('sends it in parts of a bounded size, and leaves one row that has all of it', async () => {
    const sizes: number[] = [];
    const { queue, sealKey, request } = openLine(watched(sizes));
    const content = await longContent(1_500_000);
    const sent = Buffer.from(content);

    await queue.submit(request({ fields: { image: 'busybox', content } }));

    expect(Math.max(...sizes)).toBeLessThanOrEqual(128 * 1024);
    expect(await sql`select 1 from request_parts`).toEqual([]);
    const claim = await claimOne(store);
    const [row] = await sql`select sealed from job_requests where job_id = ${claim.id}`;
    expect(claim).toMatchObject({ sealedBytes: row?.sealed.length });
    expect(claim.sealed?.length).toBeLessThanOrEqual(128 * 1024);
    const opened = await openRequest(sealKey, claim, row?.sealed);
    expect(opened.fields).toEqual({ image: 'busybox' });
    expect(`targz,${Buffer.from(opened.content ?? []).toString('base64')}`).toBe(String(sent));
  });

  test('sends it again when Postgres has lost a part, and stores the job once', async () => {
    let uploads = 0;
    const { queue, request } = openLine({
      insertJob: async (job) => {
        if (uploads++ === 0) await sql`delete from request_parts where part = 1`;
        return store.insertJob(job);
      },
    });

    const job = await queue.submit(request({ fields: { content: await longContent(300_000) } }));

    expect(uploads).toBe(2);
    expect(await sql`select job_id from job_requests`).toEqual([{ job_id: job.id }]);
    expect(await sql`select 1 from request_parts`).toEqual([]);
  });

  test('to a queue that has become full leaves nothing of it', async () => {
    const { queue, request } = openLine({
      readQueueForecast: () => Promise.resolve({ full: false, ahead: 0, typicalRunMs: null }),
    });
    await store.configureQueue('q', { maxWaiting: 1 }, 'entity:op');
    await queue.submit(request());
    await queue.submit(request());

    const late = queue.submit(request({ fields: { content: await longContent(300_000) } }));

    await expect(late).rejects.toMatchObject({ code: 'queue_full' });
    expect(await sql`select 1 from request_parts`).toEqual([]);
    expect(await sql`select 1 from job_requests`).toHaveLength(2);
  });
});
