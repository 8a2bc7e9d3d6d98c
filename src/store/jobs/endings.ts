// The statement that finishes a job and passes the turn.
import { FencedError } from '../../job/errors.js';
import type { OutputFacts, Verdict } from '../../job/outcome.js';
import type { JobState } from '../../job/state.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { ClaimKey } from './claim.js';

/** The facts recorded with the verdict at the end of a job. */
export interface EndFacts extends OutputFacts {
  /** Set when the container may still run: its queue is held until the container is proven gone, but no longer than this. */
  readonly holdMs?: number | undefined;
}

/**
 * Ends a job: stores its verdict, deletes its credentials, and passes the turn on unless the queue is held. May be
 * repeated.
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
      ), recorded as (
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
  return { nextReady: true }; // The lost reply may have named a next job; a needless wake-up costs little.
}

/** No row changed. If only the reply to an earlier try was lost, the row is in the wanted state under our own fence. */
async function refuseUnlessDone(sql: Sql, claim: ClaimKey, wanted: JobState): Promise<void> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      select id from jobs where id = ${claim.id} and fence = ${claim.fence} and state = ${wanted}`,
  );
  if (rows.length === 0) throw new FencedError('The claim of this job is no longer ours.');
}
