import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, claimOne, noOutput, submit, submitInto, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const bytes = (text: string) => Buffer.from(text);
const texts = (pieces: readonly Uint8Array[]) => pieces.map((piece) => Buffer.from(piece).toString());

test('what was stored before and while a job runs is taken once, in order', async () => {
  const id = await submit(store);
  expect(await store.addInput(id, bytes('one'), 100)).toBe('stored');
  const claim = await claimOne(store);
  expect(await store.addInput(id, bytes('two'), 100)).toBe('stored');
  await store.markSpending(claim);
  await store.markRunning(claim);

  expect(texts(await store.takeInput(claim))).toEqual(['one', 'two']);
  expect(await store.takeInput(claim)).toEqual([]);
});

test('no more than the given bytes wait for a job, whatever waits for others', async () => {
  const [id, other] = [await submit(store), await submit(store)];

  expect(await store.addInput(id, bytes('x'.repeat(60)), 100)).toBe('stored');
  expect(await store.addInput(id, bytes('x'.repeat(41)), 100)).toBe('full');
  expect(await store.addInput(other, bytes('x'.repeat(41)), 100)).toBe('stored');
  expect(await store.addInput(id, bytes('x'.repeat(40)), 100)).toBe('stored');
});

test.each(['stopping', 'succeeded', 'lost'] as const)(
  'a job that is %s gets no more input',
  async (state) => {
    const { id } = await submitInto(store, state);

    expect(await store.addInput(id, bytes('late'), 100)).toBe('ended');
  },
);

test('neither does one whose kill was asked for, nor one that is not there', async () => {
  const { id } = await submitInto(store, 'running');
  await store.requestKill(id, asker);

  expect(await store.addInput(id, bytes('late'), 100)).toBe('ended');
  expect(await store.addInput('f'.repeat(24), bytes('late'), 100)).toBe('ended');
});

test('an old claim takes nothing', async () => {
  const claim = await submitInto(store, 'running');
  await store.addInput(claim.id, bytes('one'), 100);

  await expect(store.takeInput({ ...claim, fence: String(Number(claim.fence) - 1) })).rejects.toThrow(
    FencedError,
  );
  expect(texts(await store.takeInput(claim))).toEqual(['one']);
});

test('what an ended job did not take is deleted; that of others stays', async () => {
  const ended = await submitInto(store, 'running');
  await store.addInput(ended.id, bytes('unread'), 100);
  await store.finishJob(ended, succeeded, noOutput);
  const open = await submitInto(store, 'running', { queue: 'other' });
  await store.addInput(open.id, bytes('waits'), 100);

  expect(await store.deleteStaleInput(10)).toBe(1);
  expect(await store.deleteStaleInput(10)).toBe(0);
  expect(await sql`select job_id from job_input`).toEqual([{ job_id: open.id }]);
});
