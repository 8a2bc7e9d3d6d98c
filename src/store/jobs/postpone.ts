// The statement that postpones a job, which is allowed only so often.
import { FencedError } from '../../job/errors.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { ClaimKey } from './claim.js';

/** Why a job returns to the queue, and how long it is not claimed there. */
export interface Postponement {
  readonly code: string;
  readonly message: string;
  /** Grows from the fourth time on, up to a minute. */
  readonly delayMs: number;
}

/** The job was postponed too often already. */
export interface PostponedTooOften {
  readonly postponements: number;
  /** The time of the first. */
  readonly since: Date;
}

/**
 * How often a job may be postponed: so often at all, and less often once an hour has passed since the first time. While
 * a part is known to be unavailable nothing is claimed, so an outage of days costs a waiting job one or two of these.
 */
const most = 50;
const mostAfterAnHour = 10;
const longestDelayMs = 60_000;

/**
 * A part is unavailable: the job returns to its old place in the queue and is not claimed for a while. Only while its sealed
 * request is stored: without it the credentials are spent, whatever happened to the token since. If the queue was paused
 * meanwhile, the job waits without the turn. May be repeated. Changes nothing when it was postponed too often already.
 */
export async function postponeJob(
  sql: Sql,
  claim: ClaimKey,
  wait: Postponement,
): Promise<'postponed' | PostponedTooOften> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with moved as (
        update jobs set state = 'queued', lease_until = null, started_at = null, unwrapped_at = null,
                        image_id = null, image_digest = null, container_id = null, code = ${wait.code}, message = ${wait.message},
                        postponements = postponements + 1,
                        first_postponed_at = coalesce(first_postponed_at, clock_timestamp()),
                        not_before = clock_timestamp() + interval '1 millisecond'
                          * least(${wait.delayMs}::int * power(2, greatest(postponements - 2, 0)), ${longestDelayMs}::int)
        where id = ${claim.id} and fence = ${claim.fence} and state = 'preparing' and kill_requested_at is null
          and exists (select 1 from job_requests where job_id = ${claim.id})
          and postponements < ${most}
          and (postponements < ${mostAfterAnHour} or first_postponed_at > clock_timestamp() - interval '1 hour')
        returning id, queue, node, code, postponements
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'postponed', 'node:' || node, jsonb_build_object('code', code, 'count', postponements) from moved
      )
      select id, case when queue is not null then withhold_turn(queue) end from moved`,
  );
  return rows.length > 0 ? 'postponed' : await whyNot(sql, claim);
}

/** No row was changed: an earlier try did it and its reply was lost, or it was too often, or the claim is not ours. */
async function whyNot(sql: Sql, claim: ClaimKey): Promise<'postponed' | PostponedTooOften> {
  const [row] = await guarded(
    () => sql<{ state: string; postponements: number; since: Date }[]>`
      select state, postponements, first_postponed_at as since from jobs
      where id = ${claim.id} and fence = ${claim.fence}
        and (state = 'queued'
             or (state = 'preparing' and kill_requested_at is null and postponements >= ${mostAfterAnHour}
                 and exists (select 1 from job_requests where job_id = ${claim.id})))`,
  );
  if (row === undefined) throw new FencedError('The claim of this job is no longer ours.');
  return row.state === 'queued' ? 'postponed' : { postponements: row.postponements, since: row.since };
}
