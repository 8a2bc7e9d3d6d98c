// The statements of retention: what may be removed of ended jobs, and the removal in small steps.
import type { Scope } from '../../job/keeping/retention.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

const final = "('succeeded', 'failed', 'canceled', 'lost')";

/** The jobs of a scope that have ended and are nobody's child: children go with their parents. */
function within(sql: Sql, scope: Scope) {
  const ended = sql`parent is null and state in ${sql.unsafe(final)}`;
  if ('queue' in scope) return sql`${ended} and queue = ${scope.queue}`;
  return sql`${ended} and door = ${scope.door} and (queue is null or queue not in (
    select jsonb_array_elements_text(${JSON.stringify(scope.otherQueues)}::text::jsonb)))`;
}

/**
 * What must stay: a job whose token is not revoked yet, or that of a child, since nothing else knows of it; one that a queue
 * is held for; and one with a child that has not ended.
 */
function free(sql: Sql) {
  return sql`token_accessor is null
    and not exists (select from queues where queues.name = jobs.queue and hold_job = jobs.id)
    and not exists (select from jobs as child where child.parent = jobs.id
                    and (child.state not in ${sql.unsafe(final)} or child.token_accessor is not null))`;
}

/** The end of the newest job of a scope that is one too many, as Postgres prints it; undefined: there are not too many. */
export async function readEndOfSurplus(sql: Sql, scope: Scope): Promise<string | undefined> {
  if (scope.most === undefined) return undefined;
  const [row] = await guarded(
    () => sql<{ end: string }[]>`
      select finished_at::text as end from jobs where ${within(sql, scope)}
      order by finished_at desc offset ${scope.most ?? 0} limit 1`,
  );
  return row?.end;
}

/** Which of the jobs of a scope are too old or too many. The clock is read once, or no index would help. */
function due(sql: Sql, scope: Scope, surplus: string | undefined) {
  return sql`${within(sql, scope)} and ${free(sql)} and finished_at <= greatest(
    (select clock_timestamp()) - ${scope.ageMs ?? null}::float8 * interval '1 millisecond', ${surplus ?? null}::text::timestamptz)`;
}

/** A job in the order of their ends. Not a `Date`, which has no microseconds. */
export interface EndedJob {
  readonly id: string;
  readonly end: string;
}

/** The next jobs to be removed behind a place, the oldest first. */
export async function listRemovable(
  sql: Sql,
  scope: Scope,
  { surplus, after, limit }: { surplus: string | undefined; after: EndedJob | undefined; limit: number },
): Promise<EndedJob[]> {
  const { end = '-infinity', id = '' } = after ?? {};
  return guarded(
    () => sql<EndedJob[]>`
      select id, finished_at::text as end from jobs
      where ${due(sql, scope, surplus)} and (finished_at, id) > (${end}::text::timestamptz, ${id}::text)
      order by finished_at, id limit ${limit}`,
  );
}

/** What a run would remove of a scope. */
export interface Removable {
  readonly jobs: number;
  readonly children: number;
  readonly outputBytes: number;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

/** Reads all of it, and changes nothing. */
export async function countRemovable(
  sql: Sql,
  scope: Scope,
  surplus: string | undefined,
): Promise<Removable> {
  const [row] = await guarded(
    () => sql<Removable[]>`
      with removable as materialized (
        select id, finished_at, stdout_bytes + stderr_bytes as bytes from jobs where ${due(sql, scope, surplus)}
      ), children as (
        select stdout_bytes + stderr_bytes as bytes from jobs where parent in (select id from removable)
      )
      select count(*)::float8 as jobs, min(finished_at) as oldest, max(finished_at) as newest,
             (select count(*) from children)::float8 as children,
             (coalesce(sum(bytes), 0) + (select coalesce(sum(bytes), 0) from children))::float8 as output_bytes
      from removable`,
  );
  return row ?? { jobs: 0, children: 0, outputBytes: 0, oldest: null, newest: null };
}

/** The jobs with their children, as a part of a statement. */
function family(sql: Sql, ids: readonly string[]) {
  return sql`select id from jobs where id = any(${arrayText(ids)}::text[])
    union all select id from jobs where parent = any(${arrayText(ids)}::text[])`;
}

/**
 * Deletes some chunks of the output of these jobs and their children, and says at each job that its output is gone: a job may
 * outlive its output when the process ends in between. Returns how many it deleted, at most `limit`.
 */
export async function removeOutput(sql: Sql, ids: readonly string[], limit: number): Promise<number> {
  const rows = await guarded(
    () => sql<{ jobId: string }[]>`
      with due as (
        select job_id, seq from job_output where job_id in (${family(sql, ids)}) limit ${limit} for update skip locked
      ), gone as (
        delete from job_output as o using due where o.job_id = due.job_id and o.seq = due.seq returning o.job_id
      ), told as (
        update jobs set output_complete = false, output_flaw = 'removed'
        where id in (select job_id from gone) and output_flaw is distinct from 'removed'
      )
      select job_id from gone`,
  );
  return rows.length;
}

/** The same for what programs wrote to named pipes. */
export async function removePipes(sql: Sql, ids: readonly string[], limit: number): Promise<number> {
  const rows = await guarded(
    () => sql<{ jobId: string }[]>`
      with due as (
        select job_id, name, seq from job_pipes where job_id in (${family(sql, ids)}) limit ${limit} for update skip locked
      )
      delete from job_pipes as p using due where p.job_id = due.job_id and p.name = due.name and p.seq = due.seq
      returning p.job_id`,
  );
  return rows.length;
}

/** Deletes some children of these jobs, which have ended with their parent. Each leaves its events, and one more. */
export async function removeChildren(
  sql: Sql,
  ids: readonly string[],
  limit: number,
  actor: string,
): Promise<number> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with due as (
        select id from jobs
        where parent = any(${arrayText(ids)}::text[]) and state in ${sql.unsafe(final)} and token_accessor is null
        limit ${limit} for update skip locked
      ), gone as (
        delete from jobs using due where jobs.id = due.id returning jobs.id, jobs.state
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'removed', ${actor}::text, jsonb_build_object('state', state) from gone
      )
      select id from gone`,
  );
  return rows.length;
}

/** Deletes those of these jobs of which nothing else is left, in the same way. */
export async function removeEnded(sql: Sql, ids: readonly string[], actor: string): Promise<number> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with due as (
        select id from jobs
        where id = any(${arrayText(ids)}::text[]) and state in ${sql.unsafe(final)} and ${free(sql)}
          and not exists (select from jobs as child where child.parent = jobs.id)
        for update skip locked
      ), gone as (
        delete from jobs using due where jobs.id = due.id returning jobs.id, jobs.state
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'removed', ${actor}::text, jsonb_build_object('state', state) from gone
      )
      select id from gone`,
  );
  return rows.length;
}
