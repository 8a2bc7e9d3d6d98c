import { afterAll, beforeEach, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { finalStates } from '../../../src/job/state.js';
import { openTestDatabase } from '../../support/database.js';
import { submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

function chunk(seq: number, options: { position?: number; drop?: { from: number; to: number } } = {}) {
  const bytes = Buffer.from(`chunk ${seq}..`);
  const { position = seq * bytes.length, drop } = options;
  return { seq, position, runs: [5, -(bytes.length - 5)], bytes, drop };
}

async function seqs(): Promise<number[]> {
  const rows = await sql`select seq from job_output order by seq`;
  return rows.map((row) => row.seq);
}

test('chunks are read back byte by byte, in order', async () => {
  const claim = await submitInto(store, 'running');
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  await store.appendOutput(claim, { seq: 0, position: 0, runs: [200, -56], bytes: every, drop: undefined });
  await store.appendOutput(claim, { ...chunk(1), position: 256 });

  const chunks = await store.readOutput(claim.id, undefined);

  expect(chunks.map(({ position, runs }) => ({ position, runs }))).toEqual([
    { position: 0, runs: [200, -56] },
    { position: 256, runs: [5, -4] },
  ]);
  expect([...(chunks[0]?.bytes ?? [])]).toEqual([...every]);
});

test('older chunks are dropped in the same statement', async () => {
  const claim = await submitInto(store, 'running');
  for (const seq of [0, 1, 2, 3]) await store.appendOutput(claim, chunk(seq));

  await store.appendOutput(claim, chunk(4, { drop: { from: 1, to: 2 } }));

  expect(await seqs()).toEqual([0, 3, 4]);
});

test('a chunk that is stored twice is there once', async () => {
  const claim = await submitInto(store, 'running');

  await store.appendOutput(claim, chunk(0));
  await store.appendOutput(claim, chunk(0));

  expect(await seqs()).toEqual([0]);
});

test.each(finalStates)('nothing is stored, and nothing dropped, once the job is %s', async (state) => {
  const claim = await submitInto(store, state);
  await sql`insert into job_output values (${claim.id}, 0, 0, '{1}', 'x')`;

  await expect(store.appendOutput(claim, chunk(1, { drop: { from: 0, to: 0 } }))).rejects.toBeInstanceOf(
    FencedError,
  );

  expect(await seqs()).toEqual([0]);
});

test('nothing is stored under an old fence', async () => {
  const claim = await submitInto(store, 'running');

  await expect(store.appendOutput({ ...claim, fence: '0' }, chunk(0))).rejects.toBeInstanceOf(FencedError);

  expect(await seqs()).toEqual([]);
});

test('the end is read without the rest', async () => {
  const claim = await submitInto(store, 'running');
  for (const seq of [0, 1, 2, 3]) await store.appendOutput(claim, chunk(seq));

  const positions = async (tailBytes: number) =>
    (await store.readOutput(claim.id, tailBytes)).map(({ position }) => position);

  expect(await positions(1)).toEqual([27]);
  expect(await positions(9)).toEqual([27]);
  expect(await positions(10)).toEqual([18, 27]);
  expect(await positions(1000)).toEqual([0, 9, 18, 27]);
  expect(await store.readOutput('0'.repeat(24), 10)).toEqual([]);
});

test('the state of an output says where it ends, in the job’s own bytes too, and which chunks are left', async () => {
  const claim = await submitInto(store, 'running');
  const raw = { stdout: 5_000_000_000, stderr: 7 };
  await store.appendOutput(claim, chunk(0));
  await store.appendOutput(claim, chunk(1));
  await store.appendOutput(claim, { ...chunk(2, { drop: { from: 1, to: 1 } }), raw });

  expect(await store.readOutputState(claim.id)).toEqual({
    seq: 3,
    position: 27,
    raw,
    kept: [
      { seq: 0, length: 9 },
      { seq: 2, length: 9 },
    ],
  });
});

test('an output without a chunk begins at its beginning', async () => {
  const claim = await submitInto(store, 'running');
  const raw = { stdout: 0, stderr: 0 };

  expect(await store.readOutputState(claim.id)).toEqual({ seq: 0, position: 0, raw, kept: [] });
});

test('a chunk of an older version does not record the job’s own bytes', async () => {
  const claim = await submitInto(store, 'running');
  await sql`insert into job_output (job_id, seq, position, runs, bytes) values (${claim.id}, 0, 0, '{1}', 'x')`;

  expect(await store.readOutputState(claim.id)).toMatchObject({ seq: 1, position: 1, raw: undefined });
});
