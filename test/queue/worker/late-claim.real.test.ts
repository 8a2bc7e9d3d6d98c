import { afterAll, expect, onTestFinished, test } from 'vitest';
import { reportConnectionLoss } from '../../../src/store/postgres/connection-loss.js';
import { openTestDatabase } from '../../support/database.js';
import { openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

test('a claim that takes effect after it was given up, and after the next one, leaves no job behind', async () => {
  await sql.unsafe(`
    create sequence claims;
    create function claim_slowly() returns trigger language plpgsql as $$
    begin
      if nextval('claims') = 1 then perform pg_sleep(3); end if;
      return new;
    end $$;
    create trigger slow before update on jobs for each row
      when (old.state = 'queued' and new.state = 'preparing') execute function claim_slowly()`);
  onTestFinished(async () => {
    await sql.unsafe('drop trigger slow on jobs; drop function claim_slowly; drop sequence claims');
  });
  await using node = openTestNode(store);
  const job = await node.submit();
  node.worker.start();

  await expect.poll(async () => (await sql`select is_called from claims`)[0]?.is_called).toBe(true);
  reportConnectionLoss();

  await expect.poll(() => node.stateOf(job), { timeout: 20_000 }).toBe('succeeded');
  const events = await sql`select kind from events where job_id = ${job.id} order by seq`;
  expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['claimed', 'queued', 'succeeded']));
});
