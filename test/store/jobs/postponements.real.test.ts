// Tests that one job cannot be postponed without end.
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { openTestDatabase } from '../../support/database.js';
import { claimOne, stateOf, submitAndClaim, wait } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** A claimed job that was postponed so often, for the first time so many minutes ago. */
async function claimPostponed(postponements: number, minutesAgo: number) {
  const claim = await submitAndClaim(store);
  await sql`
    update jobs set postponements = ${postponements},
                    first_postponed_at = clock_timestamp() - ${minutesAgo} * interval '1 minute'`;
  return claim;
}

async function restSeconds(): Promise<number> {
  const [row] =
    await sql`select extract(epoch from not_before - clock_timestamp())::float8 as seconds from jobs`;
  return Math.max(0, Math.round(row?.seconds));
}

describe('a postponement', () => {
  test('is counted, with the time of the first, and its event tells the count', async () => {
    const first = await submitAndClaim(store);
    expect(await store.postponeJob(first, wait)).toBe('postponed');
    const [once] = await sql`select postponements, first_postponed_at from jobs`;
    const second = await claimOne(store);
    await store.postponeJob(second, wait);

    const [twice] = await sql`select postponements, first_postponed_at from jobs`;

    expect([once?.postponements, twice?.postponements]).toEqual([1, 2]);
    expect(twice?.first_postponed_at).toEqual(once?.first_postponed_at);
    const events =
      await sql`select detail from events where kind = 'postponed' and job_id = ${first.id} order by seq`;
    expect(events.map(({ detail }) => detail)).toEqual([
      { code: wait.code, count: 1 },
      { code: wait.code, count: 2 },
    ]);
  });

  test.each([
    [0, 5],
    [2, 5],
    [3, 10],
    [5, 40],
    [6, 60],
    [49, 60],
  ])('after %i others lets the job rest for %i seconds', async (others, seconds) => {
    const claim = await claimPostponed(others, 0);

    await store.postponeJob(claim, { ...wait, delayMs: 5_000 });

    expect(await restSeconds()).toBe(seconds);
  });

  test('by a shutdown lets the job rest not at all, however many there were', async () => {
    const claim = await claimPostponed(20, 0);

    await store.postponeJob(claim, { ...wait, delayMs: 0 });

    expect(await restSeconds()).toBe(0);
  });
});

describe('a job', () => {
  test.each([
    [50, 0],
    [10, 61],
  ])('that was postponed %i times, first %i minutes ago, is postponed no more', async (count, minutes) => {
    const claim = await claimPostponed(count, minutes);

    expect(await store.postponeJob(claim, wait)).toEqual({ postponements: count, since: expect.any(Date) });
    expect(await stateOf(store, claim.id)).toBe('preparing');
    expect(await sql`select 1 from events where kind = 'postponed' and job_id = ${claim.id}`).toHaveLength(0);
  });

  test.each([
    [49, 59],
    [9, 7 * 24 * 60],
  ])('that was postponed %i times, first %i minutes ago, is postponed once more', async (count, minutes) => {
    const claim = await claimPostponed(count, minutes);

    expect(await store.postponeJob(claim, wait)).toBe('postponed');
  });

  test('whose kill was requested is not told to be postponed too often', async () => {
    const claim = await claimPostponed(50, 0);
    await sql`update jobs set kill_requested_at = clock_timestamp()`;

    await expect(store.postponeJob(claim, wait)).rejects.toBeInstanceOf(FencedError);
  });
});
