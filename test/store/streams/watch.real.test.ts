import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { noOutput, submitInto, succeeded } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const chunk = (seq: number) => ({
  seq,
  position: seq * 2,
  runs: [1, -1],
  bytes: Buffer.from('ab'),
  drop: undefined,
});

const watched = (job: { id: string }, seq: number) => ({ id: job.id, pipe: '', seq });

test('a watched job is news when it has a chunk that is not known, or has ended', async () => {
  const quiet = await submitInto(store, 'running', { queue: 'a' });
  const printing = await submitInto(store, 'running', { queue: 'b' });
  await store.appendOutput(printing, chunk(0));
  const ended = await submitInto(store, 'running', { queue: 'c' });
  await store.appendOutput(ended, chunk(0));
  await store.finishJob(ended, succeeded, noOutput);

  const news = await store.readWatched([
    watched(quiet, 0),
    watched(printing, 0),
    watched(printing, 1),
    watched(ended, 1),
    { id: 'f'.repeat(24), pipe: '', seq: 0 },
  ]);

  expect(news.toSorted((one, other) => one.id.localeCompare(other.id))).toEqual(
    [
      { id: printing.id, pipe: '', seq: 0, hasOutput: true, hasEnded: false },
      { id: ended.id, pipe: '', seq: 1, hasOutput: false, hasEnded: true },
      { id: 'f'.repeat(24), pipe: '', seq: 0, hasOutput: false, hasEnded: true },
    ].toSorted((one, other) => one.id.localeCompare(other.id)),
  );
});

test('chunks are read from a number on, a few at once', async () => {
  const job = await submitInto(store, 'running');
  for (const seq of [0, 1, 2, 3]) await store.appendOutput(job, chunk(seq));

  const read = await store.readChunks({ id: job.id, pipe: '', seq: 1 }, 2);

  expect(read).toEqual([
    { seq: 1, position: 2, runs: [1, -1], bytes: Buffer.from('ab') },
    { seq: 2, position: 4, runs: [1, -1], bytes: Buffer.from('ab') },
  ]);
});
