import type { Door, Job } from '../job/job.js';
import type { Owner } from '../job/owner.js';
import type { Sql } from './connection.js';
import { guarded } from './errors.js';
import { type JobRow, toJob } from './rows.js';

/** A job to be stored; `sealed` holds everything of it that nobody may read. */
export interface NewJob {
  readonly id: string;
  readonly door: Door;
  readonly queue: string | null;
  readonly owner: Owner;
  readonly sealed: Uint8Array;
}

/**
 * Stores a job at the end of its queue. `ready` says that it has the turn, so somebody should be woken.
 *
 * 1. `line` locks the queue's row until commit, so the jobs of one queue get their `seq` in the order of commits.
 * 2. The job has the turn when nobody had it. `place` comes before `job` in the plan because `job` reads from it:
 *    the sequence is drawn after the lock.
 */
export async function insertJob(sql: Sql, job: NewJob): Promise<{ job: Job; ready: boolean }> {
  const rows = await guarded(
    () => sql<(JobRow & { turn: boolean })[]>`
      with line as (
        insert into queues as q (name, holder)
        select ${job.queue}::text, ${job.id}::text where ${job.queue}::text is not null
        on conflict (name) do update set holder = coalesce(q.holder, excluded.holder)
        returning holder
      ), place as (
        select holder from line
        union all
        select ${job.id}::text where ${job.queue}::text is null
      ), job as (
        insert into jobs (id, queue, state, turn, door, owner_key, owner_name)
        select ${job.id}::text, ${job.queue}::text, 'queued', place.holder = ${job.id}::text,
               ${job.door}::text, ${job.owner.key}::text, ${job.owner.displayName}::text
        from place
        returning *
      ), request as (
        insert into job_requests (job_id, sealed) values (${job.id}, ${job.sealed}::bytea)
      ), told as (
        insert into events (job_id, kind, actor) values (${job.id}, 'submitted', ${job.owner.key})
      )
      select * from job`,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('The insert of a job returned no row.');
  return { job: toJob(row), ready: row.turn };
}
