import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A job whose credentials ended while it waited. */
export interface Expired {
  readonly id: string;
  readonly queue: string | null;
  /** The job that got the turn instead. */
  readonly next: string | null;
}

/** How long a wrap lives is known to a second or so: one that may still be good is left to be tried. */
const clockMarginMs = 5_000;
/** So that one statement is short; the next round takes the rest. */
const mostAtOnce = 200;

/**
 * Ends waiting jobs whose wrapped SecretID has ended: no container could open it any more. Only a job that has the turn
 * passes it on, and rows that somebody holds are left for the next round: so two statements wait for each other only where
 * failures hold a queue; Postgres ends one of them then, and it is repeated.
 */
export async function expireWaiting(sql: Sql, actor: string): Promise<Expired[]> {
  return guarded(
    () => sql<Expired[]>`
      with due as (
        select id, turn from jobs
        where state = 'queued' and wrap_expires_at < clock_timestamp() - ${clockMarginMs} * interval '1 millisecond'
        order by wrap_expires_at limit ${mostAtOnce}
        for update skip locked
      ), expired as (
        update jobs set
          state = 'failed', turn = false, finished_at = clock_timestamp(), not_before = null, reason = 'auth_refused',
          code = 'wrap_expired',
          message = 'The wrapped SecretID of this job expired at '
            || to_char(wrap_expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            || ', before the job''s turn came. Submit the job again, and give the wrap more time (\`X-Vault-Wrap-TTL\`).'
        from due where jobs.id = due.id
        returning jobs.id, jobs.queue, due.turn, jobs.wrap_expires_at
      ), spent as (
        delete from job_requests using expired where job_id = expired.id
      ), told as (
        insert into events (job_id, kind, actor, detail)
        select id, 'failed', ${actor}::text,
               jsonb_build_object('code', 'wrap_expired', 'expired_at', wrap_expires_at)
        from expired
      )
      select id, queue, case when turn and queue is not null then pass_turn(queue) end as next from expired`,
  );
}

/**
 * Takes the turn from jobs of paused and held queues that came back to the line while nobody looked. A net: the statements
 * that pause, hold and postpone do so themselves. From the closed queues to their jobs, one by one: the other way round it
 * would read every job that waits without a queue.
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
