// The statements behind an operator's view and control of queues: list, pause, resume, release, configure.
import type { JobState } from '../../job/state.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A stored queue, with the job that has its turn and the number of jobs that wait behind it. */
export interface QueueRow {
  readonly name: string;
  readonly pausedAt: Date | null;
  readonly pausedBy: string | null;
  readonly pausedReason: string | null;
  readonly held: boolean;
  /** Null when only an operator can end the hold. */
  readonly holdUntil: Date | null;
  readonly holdJob: string | null;
  readonly holdReason: string | null;
  readonly maxWaiting: number | null;
  readonly holdOnFailure: boolean;
  readonly holderId: string | null;
  readonly holderState: JobState | null;
  readonly holderNode: string | null;
  readonly holderMessage: string | null;
  readonly waiting: number;
  readonly oldestSince: Date | null;
}

/** Which queues to read: one, or a page in the order of names. */
export type QueueChoice =
  | { readonly name: string }
  | { readonly after: string | null; readonly limit: number };

/** Reads the index of waiting jobs once for each returned queue. */
export async function readQueues(sql: Sql, choice: QueueChoice): Promise<QueueRow[]> {
  const { name, after, limit } = { name: null, after: null, limit: 1, ...choice };
  return guarded(
    () => sql<QueueRow[]>`
      with shown as (
        select * from queues
        where (${name}::text is null or name = ${name}) and (${after}::text is null or name > ${after})
        order by name limit ${limit}
      )
      select shown.name, paused_at, paused_by, paused_reason, coalesce(hold_until > clock_timestamp(), false) as held,
             nullif(hold_until, 'infinity') as hold_until, hold_job, hold_reason, max_waiting, hold_on_failure,
             holder.id as holder_id, holder.state as holder_state, holder.message as holder_message,
             case when holder.state <> 'queued' then holder.node end as holder_node,
             behind.waiting, behind.oldest_since
      from shown
      left join jobs as holder on holder.queue = shown.name and holder.turn
      cross join lateral (
        select count(*)::integer as waiting, min(submitted_at) as oldest_since
        from jobs where queue = shown.name and state = 'queued' and not turn
      ) as behind
      order by shown.name`,
  );
}

/** Who acts, and the reason they give. */
export interface OperatorAction {
  readonly actor: string;
  readonly reason: string;
}

/**
 * No job gets the turn until the queue is resumed; a job that has it but is not claimed yet loses it. A queue that is already
 * paused stays as it is; one that was never used is created.
 */
export async function pauseQueue(sql: Sql, name: string, action: OperatorAction): Promise<void> {
  await guarded(
    () => sql`
      with paused as (
        insert into queues as q (name, paused_at, paused_by, paused_reason)
        values (${name}, clock_timestamp(), ${action.actor}, ${action.reason})
        on conflict (name) do update
        set paused_at = excluded.paused_at, paused_by = excluded.paused_by, paused_reason = excluded.paused_reason
        where q.paused_at is null
        returning name
      ), recorded as (
        insert into events (queue, kind, actor, detail)
        select name, 'queue_paused', ${action.actor}::text, jsonb_build_object('reason', ${action.reason}::text) from paused
      )
      select withhold_turn(name) from paused`,
  );
}

/** The result of ending a pause or a hold. `unchanged`: there was none. */
export interface Reopened {
  readonly answer: 'reopened' | 'unchanged' | 'missing';
  readonly nextReady: boolean;
}

/** Ends a pause; the oldest waiting job gets the turn. */
export async function resumeQueue(sql: Sql, name: string, actor: string): Promise<Reopened> {
  return reopened(
    await guarded(
      () => sql<ReopenedRow[]>`
        with found as (
          select name from queues where name = ${name} for update
        ), resumed as (
          update queues set paused_at = null, paused_by = null, paused_reason = null
          from found where queues.name = found.name and paused_at is not null
          returning queues.name
        ), recorded as (
          insert into events (queue, kind, actor) select name, 'queue_resumed', ${actor}::text from resumed
        )
        select resumed.name is not null as changed,
               case when resumed.name is not null then pass_turn(resumed.name) end as next
        from found left join resumed using (name)`,
    ),
  );
}

/** Ends a hold of any kind. The operator takes responsibility for a container that may still run. */
export async function releaseQueue(sql: Sql, name: string, action: OperatorAction): Promise<Reopened> {
  return reopened(
    await guarded(
      () => sql<ReopenedRow[]>`
        with found as (
          select name, hold_job, hold_reason from queues where name = ${name} for update
        ), released as (
          update queues set hold_until = null, hold_job = null, hold_reason = null, hold_engine = null, holder = null
          from found where queues.name = found.name and hold_until is not null
          returning queues.name
        ), recorded as (
          insert into events (queue, job_id, kind, actor, detail)
          select name, hold_job, 'queue_released', ${action.actor}::text,
                 jsonb_strip_nulls(jsonb_build_object('reason', ${action.reason}::text, 'held_for', hold_reason))
          from released join found using (name)
        )
        select released.name is not null as changed,
               case when released.name is not null then pass_turn(released.name) end as next
        from found left join released using (name)`,
    ),
  );
}

interface ReopenedRow {
  readonly changed: boolean;
  readonly next: string | null;
}

function reopened([row]: readonly ReopenedRow[]): Reopened {
  if (row === undefined) return { answer: 'missing', nextReady: false };
  return { answer: row.changed ? 'reopened' : 'unchanged', nextReady: row.next !== null };
}

/** What can be set for one queue. Undefined: unchanged. `maxWaiting` null: the server's setting applies again. */
export interface QueueChanges {
  readonly maxWaiting?: number | null | undefined;
  readonly holdOnFailure?: boolean | undefined;
}

/** Changes the settings of a queue; one that was never used is created. A hold that has begun stays. */
export async function configureQueue(
  sql: Sql,
  name: string,
  changes: QueueChanges,
  actor: string,
): Promise<void> {
  const keepsLength = changes.maxWaiting === undefined;
  const length = changes.maxWaiting ?? null;
  const holds = changes.holdOnFailure ?? null;
  await guarded(
    () => sql`
      with changed as (
        insert into queues as q (name, max_waiting, hold_on_failure)
        values (${name}, ${length}::integer, coalesce(${holds}::boolean, false))
        on conflict (name) do update
        set max_waiting = case when ${keepsLength}::boolean then q.max_waiting else excluded.max_waiting end,
            hold_on_failure = coalesce(${holds}::boolean, q.hold_on_failure)
        returning name, max_waiting, hold_on_failure
      )
      insert into events (queue, kind, actor, detail)
      select name, 'queue_configured', ${actor}::text,
             jsonb_build_object('max_waiting', max_waiting, 'hold_on_failure', hold_on_failure)
      from changed`,
  );
}
