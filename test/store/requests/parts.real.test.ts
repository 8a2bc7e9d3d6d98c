import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { sealedPartBytes } from '../../../src/store/requests/parts.js';
import { openTestDatabase } from '../../support/database.js';
import { watchOldSpace } from '../../support/old-space.js';
import { newJob } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

async function upload(parts: readonly string[]): Promise<{ id: string; parts: number }> {
  const id = randomUUID();
  for (const [part, text] of parts.entries())
    await store.storeSealedPart({ upload: id, part, sealed: Buffer.from(text) });
  return { id, parts: parts.length };
}

const partsLeft = async () => (await sql`select 1 from request_parts`).length;

describe('the parts of a sealed request', () => {
  test('are put together behind its head, in their order, and are gone afterwards', async () => {
    const texts = Array.from({ length: 12 }, (_, part) => `part ${part};`);
    const uploaded = await upload(texts);
    const other = await upload(['another']);

    const { job } = await store.insertJob(newJob({ sealed: Buffer.from('head;'), uploaded }));

    const [row] = await sql`select sealed from job_requests where job_id = ${job.id}`;
    expect(String(row?.sealed)).toBe(`head;${texts.join('')}`);
    expect(await sql`select upload from request_parts`).toEqual([{ upload: other.id }]);
  });

  test('are stored once, however often they are sent', async () => {
    const part = { upload: randomUUID(), part: 0, sealed: Buffer.from('once') };

    await Promise.all([store.storeSealedPart(part), store.storeSealedPart(part)]);

    expect(await partsLeft()).toBe(1);
  });

  test('belong to no job where one is missing: nothing is stored, and a repeat may help', async () => {
    const { id } = await upload(['a', 'b']);

    const inserting = store.insertJob(newJob({ queue: 'q', uploaded: { id, parts: 3 } }));

    await expect(inserting).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
    expect(await sql`select 1 from jobs`).toEqual([]);
    expect(await sql`select 1 from job_requests`).toEqual([]);
    expect(await sql`select holder from queues`).toEqual([]);
    expect(await partsLeft()).toBe(0);
  });

  test('are deleted with the job that an idempotency key refuses', async () => {
    const uploaded = await upload(['a']);
    const once = { ownerKey: 'entity:ann', key: 'k', claim: 'not ours', warnings: [] };

    await expect(store.insertJob(newJob({ uploaded, once }))).rejects.toThrow('no longer ours');

    expect(await partsLeft()).toBe(0);
  });

  test('are deleted when they are old: their submit has died', async () => {
    await upload(['old', 'old']);
    await sql`update request_parts set stored_at = stored_at - interval '11 minutes'`;
    const young = await upload(['young']);

    expect(await store.deleteStaleParts(600_000, 1)).toBe(1);
    expect(await store.deleteStaleParts(600_000, 100)).toBe(1);
    expect(await sql`select upload from request_parts`).toEqual([{ upload: young.id }]);
  });
});

test('a sealed request is read from any byte on, a bounded part at a time', async () => {
  const sealed = randomBytes(sealedPartBytes + 10);
  const { job } = await store.insertJob(newJob({ sealed }));

  expect(await store.readSealed(job.id, 0)).toEqual(sealed.subarray(0, sealedPartBytes));
  expect(await store.readSealed(job.id, sealedPartBytes)).toEqual(sealed.subarray(sealedPartBytes));
  expect(await store.readSealed('0'.repeat(24), 0)).toBeUndefined();
});

test('a long request leaves nothing on its way, to Postgres and back, that V8 would keep for long', async () => {
  const part = randomBytes(sealedPartBytes); // Postgres would compress others, and unpack all for each part.
  const uploaded = { id: randomUUID(), parts: 700 };
  const grown = watchOldSpace();
  let most = 0;

  for (let index = 0; index < uploaded.parts; index++) {
    await store.storeSealedPart({ upload: uploaded.id, part: index, sealed: part });
    most = Math.max(most, grown());
  }
  const { job } = await store.insertJob(newJob({ sealed: part, uploaded }));
  for (let at = 0; at < uploaded.parts * part.length; at += part.length) {
    await store.readSealed(job.id, at);
    most = Math.max(most, grown());
  }

  expect(most).toBeLessThan(6 * 1024 * 1024);
});
