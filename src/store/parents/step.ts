// The statements that carry a parent on: one step each, guarded by the revision that was read before.
import { FencedError } from '../../job/errors.js';
import type { Verdict } from '../../job/outcome.js';
import type { ClaimKey } from '../jobs/claim.js';
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

/** Ends a parent that has no active child (a noted one has ended), and deletes what was sealed of it. False: the step came too late. */
export async function endParent(sql: Sql, step: StepFacts, verdict: Verdict): Promise<boolean> {
  const isFree = sql`not exists (
    select from jobs where parent = ${step.id} and not noted and state not in ('succeeded', 'failed', 'canceled', 'lost'))`;
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
        union all
        select id, 'alarm', 'stint', jsonb_build_object('code', code) from moved where ${verdict.alarm}::boolean
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

/** A child's login that is to be kept, and the parent as it was read before. */
export interface KeptLogin extends ParentKey {
  /** The parent's whole sealed request, with what is kept. */
  readonly sealed: Uint8Array;
  /** When the login is to be renewed; undefined: not with the parent. */
  readonly renewInMs?: number | undefined;
}

/**
 * Gives the login of a child to its parent: what is kept is sealed with the parent, and its token is revoked when the parent has
 * ended. False: something has happened to the parent since it was read. Throws `FencedError`.
 */
export async function keepLogin(sql: Sql, child: ClaimKey, kept: KeptLogin): Promise<boolean> {
  const rows = await guarded(
    () => sql<{ isKept: boolean }[]>`
      with ours as (
        select id, parent, token_accessor from jobs
        where id = ${child.id} and fence = ${child.fence} and state in ('preparing', 'stopping') for update
      ), own as (
        select jobs.id from jobs join ours on jobs.id = ours.parent for no key update of jobs
      ), stepped as (
        update parents set revision = revision + 1, due_at = clock_timestamp(),
                           renew_at = clock_timestamp() + ${kept.renewInMs ?? null}::float8 * interval '1 millisecond'
        from own where job_id = own.id and revision = ${kept.revision}
        returning job_id
      ), given as (
        update jobs set token_accessor = case when jobs.id = ours.parent then ours.token_accessor end
        from ours, stepped where jobs.id in (ours.id, ours.parent)
      ), resealed as (
        update job_requests set sealed = ${kept.sealed}::bytea from stepped where job_requests.job_id = stepped.job_id
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select job_id, 'login_kept', 'job:' || ours.id, '{}' from stepped, ours
      )
      select exists (select from stepped) as is_kept from ours`,
  );
  if (rows[0] === undefined) throw new FencedError('The claim of this job is no longer ours.');
  return rows[0].isKept;
}
