import { FencedError } from '../../job/errors.js';
import type { Verdict } from '../../job/outcome.js';
import type { JobState } from '../../job/state.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { ClaimKey } from './claim.js';

/** Why a job goes back to the queue, and how long it rests there. */
export interface Postponement {
  readonly code: string;
  readonly message: string;
  readonly delayMs: number;
}

/**
 * A part is missing: back to the same place in the line, not to be tried before a while. Only while the sealed request
 * is there: without it the credentials are spent, whatever became of the token since. Where its queue was paused
 * meanwhile it waits without the turn. May be repeated.
 */
export async function postponeJob(sql: Sql, claim: ClaimKey, wait: Postponement): Promise<void> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with moved as (
        update jobs set state = 'queued', lease_until = null, started_at = null, unwrapped_at = null,
                        image_id = null, container_id = null, code = ${wait.code}, message = ${wait.message},
                        not_before = clock_timestamp() + ${wait.delayMs} * interval '1 millisecond'
        where id = ${claim.id} and fence = ${claim.fence} and state = 'preparing' and kill_requested_at is null
          and exists (select 1 from job_requests where job_id = ${claim.id})
        returning id, queue, node, code
      ), told as (
        insert into events (job_id, kind, actor, detail)
        select id, 'postponed', 'node:' || node, jsonb_build_object('code', code) from moved
      )
      select id, case when queue is not null then withhold_turn(queue) end from moved`,
  );
  if (rows.length === 0) await refuseUnlessDone(sql, claim, 'queued');
}

/** What is known of the output when a job has ended. */
export interface OutputFacts {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Why bytes may be missing; undefined when all were stored or counted as dropped. */
  readonly flaw: string | undefined;
}

/** What else there is to say at the end of a job. */
export interface EndFacts extends OutputFacts {
  /** Set where the container may still run: then its queue waits, at most so long, until it is proven gone. */
  readonly holdMs?: number | undefined;
}

/**
 * The end of a job: its verdict, the end of its credentials, and the turn for the next, unless the queue has to wait. May
 * be repeated.
 */
export async function finishJob(
  sql: Sql,
  claim: ClaimKey,
  verdict: Verdict,
  output: EndFacts,
): Promise<{ nextReady: boolean }> {
  const holdMs = output.holdMs ?? null;
  const rows = await guarded(
    () => sql<{ next: string | null }[]>`
      with moved as (
        update jobs set
          state = ${verdict.state}, turn = false, lease_until = null, finished_at = clock_timestamp(),
          reason = ${verdict.reason ?? null}, code = ${verdict.code ?? null}, message = ${verdict.message ?? null},
          exit_code = ${verdict.exitCode ?? null}, out_of_memory = ${verdict.outOfMemory},
          stdout_bytes = ${output.stdoutBytes}, stderr_bytes = ${output.stderrBytes},
          output_complete = ${output.flaw === undefined}, output_flaw = ${output.flaw ?? null}
        where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        returning id, queue, node, state, code, exit_code
      ), spent as (
        delete from job_requests using moved where job_id = moved.id
      ), held as (
        update queues set
          hold_until = clock_timestamp() + ${holdMs}::int * interval '1 millisecond', holder = moved.id,
          hold_job = moved.id, hold_reason = moved.code, hold_engine = nodes.engine_id
        from moved left join nodes on nodes.id = moved.node
        where ${holdMs}::int is not null and queues.name = moved.queue
        returning queues.hold_job, queues.hold_until
      ), told as (
        insert into events (job_id, kind, actor, detail)
        select id, state, 'node:' || node, jsonb_strip_nulls(jsonb_build_object(
                 'code', code, 'exit_code', exit_code, 'hold_until', held.hold_until))
        from moved left join held on held.hold_job = moved.id
        union all
        select id, 'alarm', 'node:' || node, jsonb_build_object('code', code) from moved where ${verdict.alarm}
      )
      select case when queue is not null and ${holdMs}::int is null then pass_turn(queue) end as next from moved`,
  );
  if (rows.length > 0) return { nextReady: rows[0]?.next != null };
  await refuseUnlessDone(sql, claim, verdict.state);
  return { nextReady: true }; // Whom the lost reply named is not known; a needless look costs little.
}

/** No row changed. When the reply to an earlier try was lost, the row is as we wanted it, under our own fence. */
async function refuseUnlessDone(sql: Sql, claim: ClaimKey, wanted: JobState): Promise<void> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      select id from jobs where id = ${claim.id} and fence = ${claim.fence} and state = ${wanted}`,
  );
  if (rows.length === 0) throw new FencedError('The claim of this job is no longer ours.');
}
