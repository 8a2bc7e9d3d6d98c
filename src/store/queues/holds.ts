// The statements that list holds and end them, by proof or by time.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A queue that is held because the container of a lost job may still run. */
export interface Hold {
  readonly queue: string;
  readonly jobId: string;
}

export interface ListedHold extends Hold {
  /** The job was this node's own, so a container that its engine does not have is gone. */
  readonly isOwn: boolean;
}

/**
 * The holds that this node may be able to end: those for jobs that ran on its engine, and those for its own jobs whose engine
 * was not recorded.
 */
export async function listHolds(sql: Sql, node: string, engineId: string | undefined): Promise<ListedHold[]> {
  return guarded(
    () => sql<ListedHold[]>`
      select queues.name as queue, hold_job as job_id, coalesce(jobs.node = ${node}, false) as is_own
      from queues left join jobs on jobs.id = hold_job
      where hold_until is not null and hold_reason in ('node_lost', 'engine_lost', 'finalised')
        and case when hold_engine is null then jobs.node = ${node} else hold_engine = ${engineId ?? null}::text end
      order by queues.name`,
  );
}

/** Ends a hold because the container is proven gone. When several nodes call this, one of them ends the hold. */
export async function endHold(sql: Sql, hold: Hold, node: string): Promise<{ nextReady: boolean }> {
  const rows = await guarded(
    () => sql<{ next: string | null }[]>`
      with ended as (
        update queues set hold_until = null, hold_job = null, hold_reason = null, hold_engine = null
        where name = ${hold.queue} and hold_job = ${hold.jobId} and hold_reason in ('node_lost', 'engine_lost', 'finalised')
        returning name
      ), recorded as (
        insert into events (job_id, queue, kind, actor, detail)
        select ${hold.jobId}::text, name, 'hold_ended', ${`node:${node}`}, jsonb_build_object('why', 'container_gone')
        from ended
      )
      select pass_turn(name) as next from ended`,
  );
  return { nextReady: rows.some((row) => row.next !== null) };
}

/** Ends the holds whose time is over, although a container may still run. */
export async function endDueHolds(sql: Sql, node: string): Promise<{ ended: number; nextReady: boolean }> {
  const rows = await guarded(
    () => sql<{ next: string | null }[]>`
      with due as (
        select name, hold_job from queues where hold_until <= clock_timestamp() order by name for update skip locked
      ), ended as (
        update queues set hold_until = null, hold_job = null, hold_reason = null, hold_engine = null
        from due where queues.name = due.name
        returning queues.name, due.hold_job
      ), recorded as (
        insert into events (job_id, queue, kind, actor, detail)
        select hold_job, name, 'hold_ended', ${`node:${node}`}, jsonb_build_object('why', 'time_over') from ended
      )
      select pass_turn(name) as next from ended`,
  );
  return { ended: rows.length, nextReady: rows.some((row) => row.next !== null) };
}
