import { afterAll, beforeEach, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
import { submitAndClaim } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

async function told(id: string): Promise<unknown[]> {
  const rows =
    await sql`select detail from events where job_id = ${id} and kind = 'secret_masked' order by seq`;
  return rows.map((row): unknown => row.detail);
}

const at = (stream: string, ...names: string[]) => names.map((name) => ({ name, stream }));

test('A3: each name is in the history of its job once, also when it comes again', async () => {
  const claim = await submitAndClaim(store);

  await store.recordMasked(claim, [...at('stdout', 'B'), ...at('stderr', 'A')], false);
  await store.recordMasked(claim, at('stdout', 'A', 'B', 'C'), false);

  expect(await told(claim.id)).toEqual([
    { name: 'A', stream: 'stderr' },
    { name: 'B', stream: 'stdout' },
    { name: 'C', stream: 'stdout' },
  ]);
});

test('A3: an event says so where the login of the job is revoked because of it', async () => {
  const claim = await submitAndClaim(store);

  await store.recordMasked(claim, at('stdout', 'A'), true);

  expect(await told(claim.id)).toEqual([{ name: 'A', stream: 'stdout', revokes: true }]);
});

test('A3: a hundred names are told, however many there are', async () => {
  const claim = await submitAndClaim(store);
  const names = Array.from({ length: 150 }, (_, index) => `N${index}`);

  await store.recordMasked(claim, at('stdout', ...names.slice(0, 60)), false);
  await store.recordMasked(claim, at('stdout', ...names), false);

  expect(await told(claim.id)).toHaveLength(100);
});

test('a claim that is over tells nothing', async () => {
  const claim = await submitAndClaim(store);

  await expect(
    store.recordMasked({ ...claim, fence: '999999' }, at('stdout', 'A'), false),
  ).rejects.toMatchObject({
    name: 'FencedError',
  });

  expect(await told(claim.id)).toEqual([]);
});
