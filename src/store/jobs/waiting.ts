// The statements of the sweep over waiting jobs: expired credentials, and turns of closed queues.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A job whose credentials expired while it waited. */
export interface Expired {
  readonly id: string;
  readonly queue: string | null;
  /** The job that got the turn instead. */
  readonly next: string | null;
}

/** The expiry of a wrapping token is known to about a second: one that may still be valid is left to be tried. */
const clockMarginMs = 5_000;
/** Keeps one statement short; the next round takes the rest. */
const batchSize = 200;

/**
 * Ends waiting jobs whose wrapping token has expired, since they can never log in. Only a job that has the turn passes it on,
 * and rows that another statement has locked are left for the next round. So a deadlock is possible only in a queue that
 * failures hold; Postgres then ends one of the statements, and it is repeated.
 */
export async function expireWaiting(sql: Sql, actor: string): Promise<Expired[]> {
  return guarded(
    () => sql<Expired[]>`
      with due as (
        select id, turn from jobs
        where state = 'queued' and wrap_expires_at < clock_timestamp() - ${clockMarginMs} * interval '1 millisecond'
        order by wrap_expires_at limit ${batchSize}
        for update skip locked
      ), expired as (
        update jobs set
          state = 'failed', turn = false, finished_at = clock_timestamp(), not_before = null, reason = 'auth_refused',
          code = 'wrap_expired',
          message = 'The wrapped SecretID of this job expired at '
            || to_char(wrap_expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            || ', before the job''s turn came. Submit the job again, and give the wrapping token more time (\`X-Vault-Wrap-TTL\`).'
        from due where jobs.id = due.id
        returning jobs.id, jobs.queue, due.turn, jobs.wrap_expires_at
      ), spent as (
        delete from job_requests using expired where job_id = expired.id
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'failed', ${actor}::text,
               jsonb_build_object('code', 'wrap_expired', 'expired_at', wrap_expires_at)
        from expired
      )
      select id, queue, case when turn and queue is not null then pass_turn(queue) end as next from expired`,
  );
}

/**
 * Takes the turn back from waiting jobs of paused and held queues. A safeguard: the statements that pause, hold and postpone
 * do this themselves. It goes from the closed queues to their jobs, one by one: in the other direction it would read every
 * job that waits without a queue.
 */
export async function withholdTurns(sql: Sql): Promise<void> {
  await guarded(
    () => sql`
      with closed as materialized (
        select name from queues where paused_at is not null or hold_until > clock_timestamp()
      )
      select withhold_turn(name) from closed cross join lateral (
        select from jobs where queue = name and turn and state = 'queued' limit 1
      ) as waiting`,
  );
}
