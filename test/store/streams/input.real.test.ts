import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, noOutput, submit, submitInto, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const bytes = (text: string) => Buffer.from(text);
const add = (jobId: string, sealed: Uint8Array, mostBytes: number) =>
  store.addInput({ jobId, pipe: '', sealed }, mostBytes);
const texts = (pieces: readonly Uint8Array[]) => pieces.map((piece) => Buffer.from(piece).toString());

test('what was stored before and while a job runs is taken once, in order', async () => {
  const id = await submit(store);
  expect(await add(id, bytes('one'), 10_000)).toBe('stored');
  const claim = await claimOne(store);
  expect(await add(id, bytes('two'), 10_000)).toBe('stored');
  await store.markSpending(claim);
  await store.markRunning(claim);

  expect(texts(await store.takeInput(claim, '', 10_000))).toEqual(['one', 'two']);
  expect(await store.takeInput(claim, '', 10_000)).toEqual([]);
});

test('of much that waits the first pieces are taken, one at least, and the rest next time', async () => {
  const claim = await submitInto(store, 'running');
  for (const text of ['a'.repeat(50), 'b'.repeat(30), 'c'.repeat(200), 'd', 'e'])
    await add(claim.id, bytes(text), 10_000);
  const take = async () =>
    texts(await store.takeInput(claim, '', 60)).map((text) => `${text[0]}${text.length}`);

  expect(await take()).toEqual(['a50', 'b30']);
  expect(await take()).toEqual(['c200']);
  expect(await take()).toEqual(['d1', 'e1']);
  expect(await take()).toEqual([]);
});

test('each pipe has its own pieces, and all of them are counted together', async () => {
  const claim = await submitInto(store, 'running');
  const sent = async (pipe: string, text: string) =>
    store.addInput({ jobId: claim.id, pipe, sealed: bytes(text) }, 10_000);
  await sent('a', 'to a');
  await sent('', 'to the input');
  await sent('a', 'more');

  expect(await sent('b', 'x'.repeat(9_200))).toBe('full');
  expect(texts(await store.takeInput(claim, 'a', 10_000))).toEqual(['to a', 'more']);
  expect(texts(await store.takeInput(claim, 'b', 10_000))).toEqual([]);
  expect(texts(await store.takeInput(claim, '', 10_000))).toEqual(['to the input']);
});

test('many small pieces are as much as fewer larger ones', async () => {
  const id = await submit(store);
  const told: string[] = [];
  while (told.length < 20) told.push(await add(id, bytes('x'), 2_000));

  expect(told).toContain('full');
});

test('no more than the given bytes wait for a job, whatever waits for others', async () => {
  const [id, other] = [await submit(store), await submit(store)];

  expect(await add(id, bytes('x'.repeat(6_000)), 10_000)).toBe('stored');
  expect(await add(id, bytes('x'.repeat(4_000)), 10_000)).toBe('full');
  expect(await add(other, bytes('x'.repeat(4_000)), 10_000)).toBe('stored');
  expect(await add(id, bytes('x'.repeat(3_000)), 10_000)).toBe('stored');
});

test.each(['stopping', 'succeeded', 'lost'] as const)(
  'a job that is %s gets no more input',
  async (state) => {
    const { id } = await submitInto(store, state);

    expect(await add(id, bytes('late'), 10_000)).toBe('ended');
  },
);

test('neither does one whose kill was asked for, nor one that is not there', async () => {
  const { id } = await submitInto(store, 'running');
  await store.requestKill(id, asker);

  expect(await add(id, bytes('late'), 10_000)).toBe('ended');
  expect(await add('f'.repeat(24), bytes('late'), 10_000)).toBe('ended');
});

test('an old claim takes nothing', async () => {
  const claim = await submitInto(store, 'running');
  await add(claim.id, bytes('one'), 10_000);

  await expect(
    store.takeInput({ ...claim, fence: String(Number(claim.fence) - 1) }, '', 10_000),
  ).rejects.toThrow(FencedError);
  expect(texts(await store.takeInput(claim, '', 10_000))).toEqual(['one']);
});

test('what an ended job did not take is deleted; that of others stays', async () => {
  const ended = await submitInto(store, 'running');
  await add(ended.id, bytes('unread'), 10_000);
  await store.finishJob(ended, succeeded, noOutput);
  const open = await submitInto(store, 'running', { queue: 'other' });
  await add(open.id, bytes('waits'), 10_000);

  expect(await store.deleteStaleInput(10)).toBe(1);
  expect(await store.deleteStaleInput(10)).toBe(0);
  expect(await sql`select job_id from job_input`).toEqual([{ job_id: open.id }]);
});
