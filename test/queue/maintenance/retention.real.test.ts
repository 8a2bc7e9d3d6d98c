import { afterAll, beforeEach, expect, test } from 'vitest';
import { parseRules, type Retention } from '../../../src/job/keeping/retention.js';
import { sealEvents } from '../../../src/queue/audit/seal-events.js';
import { verifyChain } from '../../../src/queue/audit/verify.js';
import {
  keepRetention,
  Removed,
  type RetentionParts,
  removeDueJobs,
  showDueJobs,
} from '../../../src/queue/maintenance/retention.js';
import type { NewJob } from '../../../src/store/jobs/submit.js';
import { openTestDatabase } from '../../support/database.js';
import { newJob, submit, submitInto } from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

function rules(text: string) {
  return parseRules(text, Number) ?? new Map<string, number>();
}

const day = 86_400_000;
const nobody = new Map<string, number>();
const byAge: Retention = { ageMs: rules(`${day}`), most: nobody };

function partsOf(retention: Retention, changes: Partial<RetentionParts['store']> = {}): RetentionParts {
  return { store: { ...store, ...changes }, retention, actor: 'node:1' };
}

/** An ended job with two chunks of output and one of a pipe. */
async function ended(days: number, options: Partial<NewJob> = {}): Promise<string> {
  const { id } = await submitInto(store, 'succeeded', options);
  await sql`update jobs set token_accessor = null, finished_at = now() - ${days} * interval '1 day' where id = ${id}`;
  await sql`insert into job_output (job_id, seq, position, runs, bytes)
    select ${id}, n, n, '{1}', 'x' from generate_series(0, 1) as n`;
  await sql`insert into job_pipes (job_id, name, seq, position, bytes) values (${id}, 'p', 0, 0, 'x')`;
  return id;
}

async function kept(): Promise<string[]> {
  return (await sql`select id from jobs order by seq`).map(({ id }) => id);
}

async function removedEvents(): Promise<string[]> {
  return (await sql`select job_id from events where kind = 'removed' order by job_id`).map(
    (row) => row.job_id,
  );
}

test('G11: retention removes what ended too long ago, with its output; events stay, and one says so', async () => {
  const old = await ended(2);
  const young = await ended(0);

  await removeDueJobs(partsOf(byAge));

  expect(await kept()).toEqual([young]);
  expect(await sql`select 1 from job_output where job_id = ${old}`).toEqual([]);
  expect(await sql`select 1 from job_pipes where job_id = ${old}`).toEqual([]);
  expect(
    await sql`select kind, actor, detail from events where job_id = ${old} order by seq desc limit 1`,
  ).toEqual([{ kind: 'removed', actor: 'node:1', detail: { state: 'succeeded' } }]);
  expect(await sql`select 1 from events where job_id = ${old} and kind = 'submitted'`).toHaveLength(1);
});

test('G11: retention keeps the newest of each door, or of a queue with a rule of its own', async () => {
  const ids = [];
  for (let n = 9; n >= 1; n--)
    ids.push(
      await ended(n / 100, { queue: n % 3 === 0 ? 'nightly' : 'q', door: n === 1 ? 'runai' : 'gostint' }),
    );

  await removeDueJobs(partsOf({ ageMs: nobody, most: rules('2,queue:nightly=1') }));

  // Of 9 to 1, in steps of a third: 3 is the newest of the queue; 4 and 2 are of gostint's door, 1 is alone at its own.
  expect(await kept()).toEqual([ids[5], ids[6], ids[7], ids[8]]);
});

test('G11: retention of a door goes by the rule of the door, of a queue by that of the queue', async () => {
  const nightly = await ended(3, { queue: 'nightly' });
  await ended(3, { queue: 'q' });
  const runai = await ended(3, { door: 'runai', queue: null });

  await removeDueJobs(
    partsOf({ ageMs: rules(`${day},queue:nightly=${9 * day},runai=${9 * day}`), most: nobody }),
  );

  expect(await kept()).toEqual([nightly, runai]);
});

test('G11: retention never takes a job that is open, whose token is not revoked, or that a queue is held for', async () => {
  await submitInto(store, 'running', { queue: 'a' });
  const unrevoked = await ended(2, { queue: 'c' });
  await sql`update jobs set token_accessor = 'x' where id = ${unrevoked}`;
  const held = await ended(2, { queue: 'd' });
  await sql`update queues set hold_job = ${held}, hold_until = 'infinity' where name = 'd'`;
  await submit(store, { queue: 'b' });
  await sql`update jobs set submitted_at = now() - interval '9 days'`;

  await removeDueJobs(partsOf({ ageMs: rules('1'), most: nobody }));

  expect(await kept()).toHaveLength(4);
  expect(await sql`select 1 from job_output`).toHaveLength(4);
});

test('G11: retention takes a parent with its children, and neither while one of them is open', async () => {
  const parents = [];
  for (const state of ['succeeded', 'queued']) {
    const parent = await ended(2);
    const child = await ended(2);
    const isOpen = state === 'queued';
    await sql`update jobs set parent = ${parent}, slot = 0, state = ${state}, turn = ${isOpen}, queue = null,
                finished_at = case when not ${isOpen} then now() end where id = ${child}`;
    parents.push(parent, child);
  }

  await removeDueJobs(partsOf(byAge));

  expect(await kept()).toEqual(parents.slice(2));
  expect(await removedEvents()).toEqual(expect.arrayContaining(parents.slice(0, 2)));
  expect(await sql`select 1 from job_output`).toHaveLength(4);
});

test('G11: retention of an open parent takes no child, however old', async () => {
  const parent = await submit(store, { queue: null, parent: { progress: {} } });
  const child = await ended(9);
  await sql`update jobs set parent = ${parent}, slot = 0, noted = true where id = ${child}`;

  await removeDueJobs(partsOf(byAge));

  expect(await kept()).toEqual([parent, child]);
});

test('G11: retention that ends in between is taken up by the next run, and a job without its output says so', async () => {
  const old = await ended(2);
  const dies = partsOf(byAge, { removeEnded: () => Promise.reject(new Error('It died.')) });
  await expect(removeDueJobs(dies)).rejects.toThrow('It died.');

  const [left] = await sql`select output_complete, output_flaw from jobs where id = ${old}`;
  await removeDueJobs(partsOf(byAge));

  expect(left).toEqual({ output_complete: false, output_flaw: 'removed' });
  expect(await kept()).toEqual([]);
});

test('G11: retention of several nodes at once removes each job once', async () => {
  const ids = [];
  for (let n = 0; n < 120; n++) ids.push(newJob().id);
  await sql`
      insert into jobs (id, state, turn, door, owner_key, owner_name, finished_at)
      select id, 'canceled', false, 'gostint', 'entity:ann', 'Ann', now() - interval '2 days'
      from unnest(${ids}::text[]) as id`;
  const removed = new Removed();
  const parts = { ...partsOf(byAge), onRemoved: (jobs: number) => removed.add(jobs) };

  await Promise.all([removeDueJobs(parts), removeDueJobs(parts), removeDueJobs(parts)]);
  await removeDueJobs(parts);

  expect(await kept()).toEqual([]);
  expect(removed.jobs).toBe(120);
  const events = await sql`select job_id from events where kind = 'removed' and job_id = any(${ids}::text[])`;
  expect(events).toHaveLength(120);
});

test('G11: retention leaves a history whose chain holds, with the events of what was removed', async () => {
  const old = await ended(2);
  await removeDueJobs(partsOf(byAge));
  const log = { info: () => undefined, error: () => undefined };
  const isSealed = async () => {
    await sealEvents({ store, log });
    const [link] = await sql`
        select 1 from event_chain where seqs @> array(select seq from events where job_id = ${old} and kind = 'removed')`;
    return link !== undefined;
  };
  await expect.poll(isSealed, { timeout: 30_000 }).toBe(true);

  expect((await verifyChain(store)).problem).toBeUndefined();
  await sql`select forget_events('infinity', 'ops')`;
  expect(await sql`select 1 from events where job_id = ${old}`).toEqual([]);
  expect((await verifyChain(store)).problem).toBeUndefined();
});

test('G11: retention is shown before it happens, and nothing is changed', async () => {
  const old = await ended(2);
  await sql`update jobs set stdout_bytes = 5 where id = ${old}`;
  await ended(0);

  const shown = await showDueJobs(partsOf(byAge));

  expect(shown.find(({ scope }) => 'door' in scope && scope.door === 'gostint')).toMatchObject({
    jobs: 1,
    children: 0,
    outputBytes: 5,
  });
  expect(await kept()).toHaveLength(2);
});

test('the rounds end when they are disposed, in the middle of a run too', async () => {
  await ended(2);
  const [first] = await Promise.all([claimNothing(), removeDueJobs(partsOf(byAge), AbortSignal.abort())]);
  await using _ = keepRetention({ ...partsOf(byAge), onError: () => undefined });

  expect(first).toBe(0);
  expect(await kept()).toHaveLength(1);
});

async function claimNothing(): Promise<number> {
  return (await store.claimJobs({ node: 'node-1', limit: 1, leaseMs: 1_000 })).length;
}
