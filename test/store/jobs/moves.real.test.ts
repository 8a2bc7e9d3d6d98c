import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { FencedError } from '../../../src/job/errors.js';
import { newJobId } from '../../../src/job/id.js';
import { type JobState, jobStates } from '../../../src/job/state.js';
import type { ClaimKey } from '../../../src/store/jobs/claim.js';
import { openTestDatabase } from '../../support/database.js';
import {
  asker,
  claimOne,
  facts,
  noOutput,
  stateOf,
  submit,
  submitAndClaim,
  submitInto,
  succeeded,
  wait,
} from '../../support/stored-jobs.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

/** Every move of a worker, the states it is allowed in, and the event it leaves. */
const moves: [string, { allowed: JobState[]; kind: string; move: (claim: ClaimKey) => Promise<unknown> }][] =
  [
    ['spending', { allowed: ['preparing'], kind: 'unwrapping', move: (claim) => store.markSpending(claim) }],
    [
      'taking the token',
      {
        allowed: ['preparing', 'stopping'],
        kind: 'logged_in',
        move: (claim) => store.markTokenTaken(claim, 'accessor-2'),
      },
    ],
    [
      'preparing',
      {
        allowed: ['preparing', 'stopping'],
        kind: 'prepared',
        move: (claim) => store.markPrepared(claim, facts),
      },
    ],
    [
      'running',
      { allowed: ['preparing', 'running'], kind: 'running', move: (claim) => store.markRunning(claim) },
    ],
    [
      'postponing',
      { allowed: ['preparing'], kind: 'postponed', move: (claim) => store.postponeJob(claim, wait) },
    ],
    [
      'finishing',
      {
        allowed: ['preparing', 'running', 'stopping'],
        kind: 'succeeded',
        move: (claim) => store.finishJob(claim, succeeded, noOutput),
      },
    ],
  ];
const movesByState = moves.flatMap(([name, { allowed, kind, move }]) =>
  jobStates.map((state) => ({ name, state, isAllowed: allowed.includes(state), kind, move })),
);

async function countEvents(id: string): Promise<number> {
  const [row] = await sql`select count(*)::int as count from events where job_id = ${id}`;
  return row?.count;
}

/** Everything a move could change. */
async function snapshot(id: string) {
  return [await sql`select * from jobs where id = ${id}`, await countEvents(id)];
}

async function lastEvent(id: string) {
  const [row] =
    await sql`select kind, actor, detail from events where job_id = ${id} order by seq desc limit 1`;
  return row;
}

describe('a move', () => {
  test.each(movesByState.filter((each) => each.isAllowed))(
    '$name is allowed while $state and writes its event',
    async ({ state, kind, move }) => {
      const claim = await submitInto(store, state);

      await move(claim);

      expect(await lastEvent(claim.id)).toMatchObject({ kind, actor: 'node:node-1' });
    },
  );

  // A final row that already says what is to be written is no refusal: see "a lost reply".
  const refused = movesByState.filter(
    ({ name, state, isAllowed }) => !isAllowed && !(name === 'finishing' && state === 'succeeded'),
  );
  test.each(refused)('$name is refused while $state and changes nothing', async ({ state, move }) => {
    const claim = await submitInto(store, state);
    const before = await snapshot(claim.id);

    await expect(move(claim)).rejects.toBeInstanceOf(FencedError);

    expect(await snapshot(claim.id)).toEqual(before);
  });

  test.each(moves)('%s is refused under an old fence and changes nothing', async (_, { move }) => {
    const old = await submitAndClaim(store);
    await store.settleOwnJobs('node-1');
    const current = await claimOne(store, 'node-2');
    const before = await snapshot(old.id);

    await expect(move(old)).rejects.toBeInstanceOf(FencedError);

    expect(current.id).toBe(old.id);
    expect(await snapshot(old.id)).toEqual(before);
  });
});

describe('a kill that was asked for', () => {
  test('forbids spending and running', async () => {
    const claim = await submitAndClaim(store);
    await store.requestKill(claim.id, asker);

    expect(await store.markSpending(claim)).toBe('kill_requested');
    expect(await store.markRunning(claim)).toBe('kill_requested');
    expect(await stateOf(store, claim.id)).toBe('preparing');
  });

  test('forbids the return to the queue', async () => {
    const claim = await submitAndClaim(store);
    await store.requestKill(claim.id, asker);

    await expect(store.postponeJob(claim, wait)).rejects.toBeInstanceOf(FencedError);
  });

  test('does not forbid recording the token and the end', async () => {
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);
    await store.requestKill(claim.id, asker);

    await store.markTokenTaken(claim, 'accessor-1');
    await store.finishJob(claim, succeeded, noOutput);

    expect(await stateOf(store, claim.id)).toBe('succeeded');
  });
});

describe('credentials', () => {
  test('are deleted once they are spent', async () => {
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);
    expect(await sql`select 1 from job_requests`).toHaveLength(1);

    await store.markTokenTaken(claim, 'accessor-1');

    expect(await sql`select 1 from job_requests`).toHaveLength(0);
    expect(await sql`select token_accessor from jobs`).toEqual([{ token_accessor: 'accessor-1' }]);
  });

  test('that turned out unspent let the job return to the queue', async () => {
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);

    await store.postponeJob(claim, wait);

    expect(await stateOf(store, claim.id)).toBe('queued');
    expect(await sql`select unwrapped_at from jobs`).toEqual([{ unwrapped_at: null }]);
  });

  test('that are spent never let the job return, even when its token was revoked since', async () => {
    const claim = await submitAndClaim(store);
    await store.markSpending(claim);
    await store.markTokenTaken(claim, 'accessor-1');
    await store.markTokenRevoked(claim.id, 'node:node-1');

    await expect(store.postponeJob(claim, wait)).rejects.toBeInstanceOf(FencedError);

    expect(await stateOf(store, claim.id)).toBe('preparing');
  });

  test('are deleted when a job ends without having spent them', async () => {
    const claim = await submitAndClaim(store);

    await store.finishJob(claim, succeeded, noOutput);

    expect(await sql`select 1 from job_requests`).toHaveLength(0);
  });
});

test('a revoked token is recorded once, whichever node reports it', async () => {
  const { id } = await submitInto(store, 'succeeded');
  expect(await store.listUnrevoked('node-1', 60_000)).toEqual([{ id, tokenAccessor: 'accessor-1' }]);
  expect(await store.listUnrevoked('node-2', 60_000)).toEqual([]);

  await store.markTokenRevoked(id, 'node:node-2');
  await store.markTokenRevoked(id, 'node:node-2');

  expect(await store.listUnrevoked('node-1', 60_000)).toEqual([]);
  expect(await sql`select actor from events where job_id = ${id} and kind = 'token_revoked'`).toEqual([
    { actor: 'node:node-2' },
  ]);
});

test('what is known of the container is kept', async () => {
  const claim = await submitAndClaim(store);

  await store.markPrepared(claim, { ...facts, tty: true });

  expect((await store.findJob(claim.id, { everyone: true }))?.job).toMatchObject({ ...facts, tty: true });
});

test('stopping says why, and only once', async () => {
  const claim = await submitInto(store, 'running');

  await store.markStopping(claim, 'time_limit');
  await store.markStopping(claim, 'kill');
  await store.markStopping({ ...claim, fence: '0' }, 'kill');

  expect(await lastEvent(claim.id)).toMatchObject({ kind: 'stopping', detail: { why: 'time_limit' } });
});

describe('the end of a job', () => {
  test('keeps the verdict and the facts of the output', async () => {
    const claim = await submitInto(store, 'running');

    await store.finishJob(
      claim,
      {
        state: 'failed',
        reason: 'out_of_memory',
        code: 'out_of_memory',
        message: 'Too much.',
        exitCode: 137,
        outOfMemory: true,
        alarm: false,
      },
      { stdoutBytes: 5_000_000_000, stderrBytes: 3, flaw: 'output_not_drained' },
    );

    expect(await store.findJob(claim.id, { everyone: true })).toMatchObject({
      job: {
        state: 'failed',
        reason: 'out_of_memory',
        message: 'Too much.',
        exitCode: 137,
        outOfMemory: true,
        finishedAt: expect.any(Date),
      },
      outputComplete: false,
      outputFlaw: 'output_not_drained',
    });
    expect(await sql`select stdout_bytes, stderr_bytes, turn, lease_until from jobs`).toEqual([
      { stdout_bytes: '5000000000', stderr_bytes: '3', turn: false, lease_until: null },
    ]);
    expect(await lastEvent(claim.id)).toMatchObject({
      kind: 'failed',
      detail: { code: 'out_of_memory', exit_code: 137 },
    });
  });
});

describe('the turn', () => {
  test('passes to the oldest that waits, job by job', async () => {
    const ids = [await submit(store), await submit(store), await submit(store)];

    for (const [index, id] of ids.entries()) {
      const claim = await claimOne(store);
      expect(claim.id).toBe(id);
      expect(await store.finishJob(claim, succeeded, noOutput)).toEqual({ nextReady: index < 2 });
    }

    expect(await sql`select holder from queues`).toEqual([{ holder: null }]);
  });

  test('of a job without a queue passes to nobody', async () => {
    const claim = await submitAndClaim(store, { queue: null });

    expect(await store.finishJob(claim, succeeded, noOutput)).toEqual({ nextReady: false });
  });

  test('passes to the job of a submit in flight', async () => {
    const running = await submitAndClaim(store);
    const next = newJobId();
    const submitting = await sql.reserve();
    await submitting`begin`;
    await submitting`select 1 from queues for update`;
    await submitting`
      insert into jobs (id, queue, state, turn, door, owner_key, owner_name)
      values (${next}, 'q', 'queued', false, 'gostint', 'entity:ann', 'Ann')`;
    const finishing = store.finishJob(running, succeeded, noOutput);
    await expect.poll(countWaiting).toBe(1);

    await submitting`commit`;
    submitting.release();

    expect(await finishing).toEqual({ nextReady: true });
    expect((await claimOne(store)).id).toBe(next);
  });
});

async function countWaiting(): Promise<number> {
  const [row] = await sql`
    select count(*)::int as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  return row?.waiting;
}

describe('a lost reply', () => {
  test('to a finish is made good by repeating it', async () => {
    const claim = await submitInto(store, 'running');
    const next = await submit(store);
    await store.finishJob(claim, succeeded, noOutput);
    const events = await countEvents(claim.id);

    expect(await store.finishJob(claim, succeeded, noOutput)).toEqual({ nextReady: true });

    expect(await countEvents(claim.id)).toBe(events);
    expect((await claimOne(store)).id).toBe(next);
  });

  test('to a postponement is made good by repeating it', async () => {
    const claim = await submitAndClaim(store);
    await store.postponeJob(claim, wait);
    const events = await countEvents(claim.id);

    await store.postponeJob(claim, wait);

    expect(await countEvents(claim.id)).toBe(events);
  });
});

test('Q9: the fence in the container’s name is that of the claim that made it', async () => {
  const claim = await submitInto(store, 'preparing');

  await store.markPrepared(claim, facts);

  const [row] = await sql`select container_fence::text as fence from jobs where id = ${claim.id}`;
  expect(row?.fence).toBe(claim.fence);
});

test('S1: the digest of a job’s image is with the job and in its history, until it is prepared anew', async () => {
  const claim = await submitInto(store, 'preparing');
  const { imageId, imageDigest } = facts;

  await store.markPrepared(claim, facts);

  const [event] = await sql`select detail from events where job_id = ${claim.id} and kind = 'prepared'`;
  expect(event?.detail).toEqual({ image_id: imageId, image_digest: imageDigest });
  expect((await store.findJob(claim.id, { everyone: true }))?.job).toMatchObject({ imageId, imageDigest });
  await store.postponeJob(claim, wait);
  expect((await store.findJob(claim.id, { everyone: true }))?.job.imageDigest).toBeUndefined();
});
