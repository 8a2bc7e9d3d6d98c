// The statements that carry a parent on: one step each, guarded by the revision that was read before.
import type { Verdict } from '../../job/outcome.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A parent as it was read. A step changes nothing when something has happened since. */
export interface ParentKey {
  readonly id: string;
  /** A bigint as text. */
  readonly revision: string;
}

/** What every step stores. */
export interface StepFacts extends ParentKey {
  readonly progress: unknown;
  /** The children whose ends are in `progress`. */
  readonly noted: readonly string[];
}

/**
 * The parts of a statement that take the step, to be followed by others that read from `stepped`: it has one row, or none
 * when the step came too late. `condition` may forbid it.
 *
 * The parent's row is locked first, as a kill does, so that the two never wait for each other.
 */
export function stepParts(sql: Sql, step: StepFacts, due = sql`clock_timestamp()`, condition = sql`true`) {
  return sql`
    own as (
      select id from jobs where id = ${step.id} for no key update
    ), stepped as (
      update parents set progress = ${JSON.stringify(step.progress)}::text::jsonb, revision = revision + 1, due_at = ${due}
      from own where job_id = own.id and revision = ${step.revision} and ${condition}
      returning job_id
    ), noted as (
      update jobs set noted = true from stepped
      where jobs.parent = stepped.job_id and jobs.id = any(${arrayText(step.noted)}::text[])
    )`;
}

/**
 * Stores progress, and when to look again: after `restMs`, or only when something happens (null). A parent that is to be killed is
 * shown as stopping from now on. False: the step came too late.
 */
export async function advanceParent(sql: Sql, step: StepFacts, restMs: number | null): Promise<boolean> {
  const dueAt = sql`clock_timestamp() + ${restMs}::float8 * interval '1 millisecond'`;
  const rows = await guarded(
    () => sql<{ jobId: string }[]>`
      with ${stepParts(sql, step, dueAt)}, moved as (
        update jobs set state = 'stopping' from stepped
        where jobs.id = stepped.job_id and state in ('preparing', 'running') and kill_requested_at is not null
        returning jobs.id
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'stopping', 'stint' from moved
      )
      select job_id from stepped`,
  );
  return rows.length > 0;
}

/** Ends a parent that has no active child, and deletes what was sealed of it. False: the step came too late. */
export async function endParent(sql: Sql, step: StepFacts, verdict: Verdict): Promise<boolean> {
  const isFree = sql`not exists (
    select from jobs where parent = ${step.id} and state not in ('succeeded', 'failed', 'canceled', 'lost'))`;
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with ${stepParts(sql, step, sql`null`, isFree)}, moved as (
        update jobs set
          state = ${verdict.state}, finished_at = clock_timestamp(), reason = ${verdict.reason ?? null},
          code = ${verdict.code ?? null}, message = ${verdict.message ?? null}, exit_code = ${verdict.exitCode ?? null},
          out_of_memory = ${verdict.outOfMemory}
        from stepped where jobs.id = stepped.job_id and state in ('preparing', 'running', 'stopping')
        returning jobs.id, state, code, exit_code
      ), spent as (
        delete from job_requests using moved where job_requests.job_id = moved.id
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, state, 'stint', jsonb_strip_nulls(jsonb_build_object('code', code, 'exit_code', exit_code)) from moved
      )
      select id from moved`,
  );
  return rows.length > 0;
}

/** What a door changes of a parent, because a client asked for it. */
export interface RevisionFacts extends ParentKey {
  readonly progress: unknown;
  /** The whole sealed request with another plan; undefined: as it is. */
  readonly sealed: Uint8Array | undefined;
  /** The kind of the event. */
  readonly kind: string;
  readonly actor: string;
}

/** False: something has happened since the parent was read. */
export async function reviseParent(sql: Sql, revision: RevisionFacts): Promise<boolean> {
  const rows = await guarded(
    () => sql<{ jobId: string }[]>`
      with ${stepParts(sql, { ...revision, noted: [] })}, resealed as (
        update job_requests set sealed = ${revision.sealed ?? null}::bytea from stepped
        where job_requests.job_id = stepped.job_id and ${revision.sealed !== undefined}::boolean
      ), recorded as (
        insert into events (job_id, kind, actor) select job_id, ${revision.kind}::text, ${revision.actor}::text from stepped
      )
      select job_id from stepped`,
  );
  return rows.length > 0;
}
