import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { openTestDatabase } from '../../support/database.js';
import { asker, noOutput, submitInto, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const chunk = (seq: number, drop?: { from: number; to: number }) => ({
  seq,
  position: seq * 2,
  bytes: Buffer.from(`${seq}.`),
  drop,
});

test('chunks of a pipe are read in order, from a number on, and not mixed with others', async () => {
  const job = await submitInto(store, 'running');
  for (const seq of [0, 1, 2]) await store.appendPipe(job, 'ctl', chunk(seq));
  await store.appendPipe(job, 'ctl', chunk(2));
  await store.appendPipe(job, 'other', chunk(0));

  const read = await store.readChunks({ id: job.id, pipe: 'ctl', seq: 1 }, 5);

  expect(read).toEqual([
    { seq: 1, position: 2, runs: [2], bytes: Buffer.from('1.') },
    { seq: 2, position: 4, runs: [2], bytes: Buffer.from('2.') },
  ]);
  expect(await store.readNextChunk({ id: job.id, pipe: 'ctl' })).toBe(3);
  expect(await store.readNextChunk({ id: job.id, pipe: 'none' })).toBe(0);
  expect(await store.readNextChunk({ id: job.id, pipe: '' })).toBe(0);
});

test('older chunks are dropped in the same statement, and the rest is known to who continues', async () => {
  const job = await submitInto(store, 'running');
  for (const seq of [0, 1, 2]) await store.appendPipe(job, 'ctl', chunk(seq));
  await store.appendPipe(job, 'ctl', chunk(3, { from: 1, to: 2 }));
  await store.appendPipe(job, 'a', chunk(0));

  expect(await store.readPipeChunks(job.id)).toEqual([
    { name: 'a', seq: 0, position: 0, length: 2 },
    { name: 'ctl', seq: 0, position: 0, length: 2 },
    { name: 'ctl', seq: 3, position: 6, length: 2 },
  ]);
});

test('an old claim, and one whose job has ended, store nothing', async () => {
  const job = await submitInto(store, 'running');
  const old = { ...job, fence: String(Number(job.fence) - 1) };

  await expect(store.appendPipe(old, 'ctl', chunk(0))).rejects.toThrow(FencedError);
  await store.finishJob(job, succeeded, noOutput);
  await expect(store.appendPipe(job, 'ctl', chunk(0))).rejects.toThrow(FencedError);
  expect(await store.readPipeChunks(job.id)).toEqual([]);
});

test('a watched pipe is news when it has a chunk that is not known, whatever the output has', async () => {
  const job = await submitInto(store, 'running');
  await store.appendOutput(job, { ...chunk(0), runs: [2] });
  const watched = (pipe: string, seq: number) => ({ id: job.id, pipe, seq });
  const ask = () =>
    store.readWatched([watched('', 0), watched('ctl', 0), watched('null', 0), watched('ctl', 1)]);
  const before = await ask();
  await store.appendPipe(job, 'ctl', chunk(0));

  expect(before).toEqual([{ ...watched('', 0), hasOutput: true, hasEnded: false }]);
  expect(await ask()).toEqual([
    { ...watched('', 0), hasOutput: true, hasEnded: false },
    { ...watched('ctl', 0), hasOutput: true, hasEnded: false },
  ]);
});

test('a deleted job leaves nothing of its pipes', async () => {
  const job = await submitInto(store, 'running');
  await store.appendPipe(job, 'ctl', chunk(0));
  await store.finishJob(job, succeeded, noOutput);

  await store.deleteJob(job.id, asker);

  expect(await sql`select from job_pipes`).toHaveLength(0);
});
