// The statement by which an operator declares a job lost whose kill is not carried out.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { OperatorAction } from '../queues/queues.js';

/** `early`: its kill was not asked for, or may still be carried out. `ended`: the job has ended already. */
export type Finalised = 'done' | 'early' | 'ended' | 'missing';

/**
 * Declares an active job lost, because an operator says so: its kill was asked for `killGraceMs` ago and is not carried out.
 * The fence is raised, so later writes of its worker change nothing. Its container may still run, so the queue is held
 * until the container is proven gone or an operator releases the queue. A parent is never ended so: its children are.
 */
export async function finaliseJob(
  sql: Sql,
  id: string,
  action: OperatorAction,
  killGraceMs: number,
): Promise<{ answer: Finalised }> {
  const [row] = await guarded(
    () => sql<{ answer: Finalised }[]>`
      with asked as (
        select id, state in ('preparing', 'running', 'stopping') as active,
               not is_parent and kill_requested_at <= clock_timestamp() - ${killGraceMs} * interval '1 millisecond' as late
        from jobs where id = ${id} for update
      ), moved as (
        update jobs set
          state = 'lost', turn = false, lease_until = null, finished_at = clock_timestamp(),
          fence = nextval('job_fences'), code = 'finalised',
          message = 'An operator ended this job without an answer of its engine; its container may still run.',
          output_complete = false, output_flaw = 'finalised'
        from asked where jobs.id = asked.id and asked.active and asked.late
        returning jobs.id, jobs.queue, jobs.node
      ), spent as (
        delete from job_requests using moved where job_id = moved.id
      ), held as (
        update queues set hold_until = 'infinity', hold_job = moved.id, hold_reason = 'finalised', holder = moved.id,
                          hold_engine = (select engine_id from nodes where nodes.id = moved.node)
        from moved where queues.name = moved.queue
      ), recorded as (
        insert into events (job_id, queue, kind, actor, detail)
        select id, queue, 'lost', ${action.actor}::text,
               jsonb_build_object('code', 'finalised', 'reason', ${action.reason}::text)
        from moved
      )
      select case when moved.id is not null then 'done' when asked.active then 'early' else 'ended' end as answer
      from asked left join moved using (id)`,
  );
  return row ?? { answer: 'missing' };
}
